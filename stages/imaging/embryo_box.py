"""The box an embryo lies in, so that per-embryo work touches only a crop of the frame; its moments."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stages.imaging.arrays import Labels, Mask, Slices


class Moments(NamedTuple):
    """Sums over an embryo's pixels: their number, mean row and column, and powers of the distances from the mean.

    `rc` is the sum of row distance times column distance, and so on; in px.
    """

    area: float
    row: float
    column: float
    rr: float
    rc: float
    cc: float
    rrr: float
    rrc: float
    rcc: float
    ccc: float

    def spread(self, scale: tuple[float, float]) -> NDArray[np.float64]:
        """The second moments, (row, column) by (row, column), in um2; `scale` is um per px (across, down)."""
        across, down = scale
        return np.array(
            [[self.rr * down * down, self.rc * down * across], [self.rc * down * across, self.cc * across * across]]
        )


def boxes(labels: Labels) -> dict[int, Slices]:
    """The bounding box of each embryo of a label image, uint8 (H, W), by value."""
    rows = np.flatnonzero(labels.max(axis=1))
    if not len(rows):
        return {}
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(labels[top:bottom].max(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    slices = ndimage.find_objects(labels[top:bottom, left:right])
    return {
        value: (
            slice(top + box[0].start, top + box[0].stop),
            slice(left + box[1].start, left + box[1].stop),
        )
        for value, box in enumerate(slices, start=1)
        if box is not None
    }


def grow(box: Slices, margin: int, shape: tuple[int, ...]) -> Slices:
    """A box with `margin` px more on each side, within a frame of `shape` (H, W)."""
    rows, columns = (
        slice(max(side.start - margin, 0), min(side.stop + margin, size)) for side, size in zip(box, shape, strict=True)
    )
    return rows, columns


def within(box: Slices, part: Slices) -> Slices:
    """Where a box lies in a part of the frame that holds it."""
    rows, columns = (
        slice(side.start - whole.start, side.stop - whole.start) for side, whole in zip(box, part, strict=True)
    )
    return rows, columns


def moments(mask: Mask, box: Slices) -> Moments:
    """The moments of an embryo, bool (h, w) with at least a pixel, that lies at `box` of its frame.

    By sums over rows and columns: exact, and without a list of pixels.
    """
    weights = mask.astype(np.float64)
    by_row, by_column = weights.sum(axis=1), weights.sum(axis=0)
    area = float(by_row.sum())
    row, column = np.arange(mask.shape[0]), np.arange(mask.shape[1])
    mean_row, mean_column = float(by_row @ row) / area, float(by_column @ column) / area
    r, c = row - mean_row, column - mean_column
    # Not by BLAS, whose threads would wait for each other's cores longer than this takes.
    along, along2 = (np.einsum("ij,j->i", weights, powers) for powers in (c, c * c))
    return Moments(
        area,
        box[0].start + mean_row,
        box[1].start + mean_column,
        rr=float(by_row @ r**2),
        rc=float(r @ along),
        cc=float(by_column @ c**2),
        rrr=float(by_row @ r**3),
        rrc=float(r**2 @ along),
        rcc=float(r @ along2),
        ccc=float(by_column @ c**3),
    )
