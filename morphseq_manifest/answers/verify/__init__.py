"""`morphseq verify`: whether every byte is as recorded."""
