"""`morphseq report`: one page to look at, with pictures."""
