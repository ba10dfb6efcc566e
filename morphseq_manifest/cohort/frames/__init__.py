"""Frames: what microscopes write, read as grey, by stages and by what shows pictures alike."""
