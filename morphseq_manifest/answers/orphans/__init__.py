"""`morphseq orphans`: what experiments and models that are no longer listed have left, and deleting it."""
