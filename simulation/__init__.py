"""Simulated plates with the truth about them, and the training of the default models on scenes like theirs."""
