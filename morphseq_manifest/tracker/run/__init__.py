"""Running stages: what `dvc repro` does, many at once."""
