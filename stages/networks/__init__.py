"""Networks: model folders, shapes, and loading without running code."""
