"""`morphseq status`: what is up to date, what is not, and what is in the tables."""
