"""`morphseq audit`: a random sample of what is recorded, made again and compared."""
