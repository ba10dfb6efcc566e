"""`morphseq bisect`: the commits at which something of a table changed."""
