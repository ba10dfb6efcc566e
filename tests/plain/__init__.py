"""Plain references for the fast paths: what each step says, on whole frames, one image at a time."""
