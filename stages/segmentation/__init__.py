"""From frames to label images: the segmenters and the tracking of embryos."""
