"""Data roots as the lab has them: what of each step is there, told by names and by the keys of tables."""
