"""The commands of `morphseq`: thin functions; what they do is in the modules they import when called."""
