"""`morphseq show` and `read_table`: the rows of a cohort table."""
