"""The commands of `morphseq`: thin functions; what they do is in the modules they import when called."""

# Those whose answers are kept while nothing has changed.
KEPT = ("status", "run")
