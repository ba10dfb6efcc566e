"""`morphseq adopt`: taking over a data root of the lab, without computing again what is whole in it."""
