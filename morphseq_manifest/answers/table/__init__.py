"""`morphseq table` and `read_table`: the rows of a cohort table."""
