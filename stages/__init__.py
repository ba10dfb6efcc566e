"""The pipeline's steps, one module a stage of dvc.yaml, and what they share."""
