"""`morphseq check`: the dry run of plates' inputs; and adding and renaming experiments, which begin with it."""
