"""What a stage keeps from an earlier run, and the keys by which it knows."""
