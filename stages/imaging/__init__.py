"""Geometry of embryos and frames: pure functions on arrays."""
