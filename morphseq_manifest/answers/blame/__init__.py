"""`morphseq blame`: what a row is made from, and which commit last changed each of it."""
