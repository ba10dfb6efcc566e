"""`morphseq code`: whether the code of a stage is what its version stands for."""
