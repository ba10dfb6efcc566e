"""The pipeline's stages, one module a stage of dvc.yaml; what they share stands in the rooms."""
