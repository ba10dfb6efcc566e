"""`morphseq graph`: the stages as a picture."""
