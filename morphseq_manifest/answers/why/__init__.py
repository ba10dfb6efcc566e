"""`morphseq why`: why a stage will run, from the root cause."""
