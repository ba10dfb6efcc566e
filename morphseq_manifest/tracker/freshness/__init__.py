"""Whether a stage is up to date, and why not."""
