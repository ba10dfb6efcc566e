"""Simulated plates with the truth about them, and the default models: their training and evaluation on such scenes."""
