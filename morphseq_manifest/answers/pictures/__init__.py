"""Frames, label images, masks and snips of a project, read for people to look at."""
