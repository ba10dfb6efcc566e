"""What a stage keeps from an earlier run, and the keys that say so."""
