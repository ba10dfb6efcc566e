"""`morphseq view`: the pictures of a well, for programs that show images."""
