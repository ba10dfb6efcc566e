"""A frame as the QC networks see it, and their masks laid back on it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.imaging.arrays import Grey, Slices

# Height and width of a QC network's input and output.
QC_SIZE = (576, 320)
_WHOLE = (slice(None), slice(None))


def to_qc_input(grey: Grey) -> NDArray[np.float32]:
    """A frame as the QC networks take it: portrait (landscape is turned), 576 x 320, float32 in 0..1."""
    height, width = QC_SIZE
    portrait = np.rot90(grey) if grey.shape[1] > grey.shape[0] else grey
    resized = Image.fromarray(np.ascontiguousarray(portrait)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32) / np.float32(255)


def qc_scale(um_per_px: float | None, shape: tuple[int, ...]) -> tuple[float, float] | None:
    """How many um a row and a column of a QC image are high and wide, of a frame of `shape` (H, W).

    None if the frame's scale is not known.
    """
    if um_per_px is None:
        return None
    height, width = QC_SIZE
    return um_per_px * max(shape) / height, um_per_px * min(shape) / width


def from_qc(image: NDArray[np.uint8], shape: tuple[int, ...], part: Slices = _WHOLE) -> Grey:
    """What was made of a QC input (uint8, 576 x 320), laid back on its frame of `shape` (H, W): uint8, nearest pixel.

    With `part`, only that part of the frame: the rest is not made at all.
    """
    rows, columns = (np.arange(*side.indices(size)) for side, size in zip(part, shape, strict=True))
    if shape[1] > shape[0]:
        # A landscape frame was turned by a quarter: its last column is the network's first row.
        return image[np.ix_(_nearest(shape[1] - 1 - columns, shape[1], 0), _nearest(rows, shape[0], 1))].T
    return image[np.ix_(_nearest(rows, shape[0], 0), _nearest(columns, shape[1], 1))]


def _nearest(pixels: NDArray[np.intp], size: int, axis: int) -> NDArray[np.intp]:
    """Which pixel of a QC image's axis lies under the middle of each of these, of an axis of `size`; exact."""
    return (2 * pixels + 1) * QC_SIZE[axis] // (2 * size)
