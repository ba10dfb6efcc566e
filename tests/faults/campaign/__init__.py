"""The campaign: faults, edits and hostile inputs by the hundred, drawn from a seed, each tried on a small project."""
