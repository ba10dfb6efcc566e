"""`morphseq provenance` and `morphseq diff`: what is in a table, and what differs between two commits."""
