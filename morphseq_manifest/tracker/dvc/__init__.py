"""Everything that must agree with DVC: its pipeline files, its lock, its caches, its rules."""
