"""An embryo's outline, placed at half height between its edge and the background on either side of it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stages.imaging.arrays import Mask
from stages.segmentation.field import Field
from stages.segmentation.filling import fill, open_by

# What is inside by no threshold of its own is so by this much.
_SURE = np.float32(0.05)
_LEAST_WEIGHT = 1e-12


class Band(NamedTuple):
    """How far from a rough outline the embryo's own may lie, in px.

    Edges are alike `along` so much of it; outside of it, what is thinner than twice `thin` is not the embryo's.
    """

    width: float
    along: float
    thin: float


def refine(ratio: Field, rough: Mask, others: Mask, band: Band) -> Field:
    """Where an embryo is: float32 (h, w), negative inside its outline, which lies where this is 0 between pixels.

    `ratio` (h, w) is a part of the frame, relative to its background, with the embryo as a mask by any one threshold,
    `rough`, and the frame's `others`. A blurred edge crosses that threshold inside or outside of the outline, as the
    embryo is pale or dark; it is at its steepest half way. So the level is the mean brightness of the pixels near
    `rough`'s outline, weighted with the square of the slope (of Kittler, Illingworth and Foeglein 1985, the simple
    image statistic, taken at each place), if it gets brighter outwards: on the outer side of a chorion's dark rim.
    """
    outside = ndimage.distance_transform_edt(~rough).astype(np.float32)
    inside = ndimage.distance_transform_edt(rough).astype(np.float32)
    # To the side of the pixels at the outline, not to their middles.
    depth = np.where(rough, inside - 0.5, 0.5 - outside)
    near = (np.abs(depth) <= band.width) & ~others
    if others.any():
        near &= outside <= ndimage.distance_transform_edt(~others)
    level = _half_height(ratio, depth, near, band.along)
    excess = np.where(np.isnan(level), np.where(rough, -_SURE, _SURE), ratio - level)
    below = _touching((excess < 0) & near | (depth > band.width), rough)
    # What is enclosed but was no part of the embryo is a gap.
    whole = open_by(below | fill(below) & rough, band.thin)
    sure = np.where(whole, -_SURE, _SURE)
    return np.where((excess < 0) == whole, excess, sure).astype(np.float32)


def _half_height(ratio: Field, depth: Field, near: Mask, along: float) -> NDArray[np.floating]:
    """The level at each place: the mean of `ratio` over the `near` pixels, by slope and by a Gaussian.

    NaN if there is no slope.
    """
    slope = -sum(side * toward for side, toward in zip(np.gradient(ratio), np.gradient(depth), strict=True))
    weight = np.where(near, np.maximum(slope, 0) ** 2, 0)
    total = ndimage.gaussian_filter(weight, along)
    level: NDArray[np.floating] = ndimage.gaussian_filter(weight * ratio, along) / np.maximum(total, _LEAST_WEIGHT)
    return np.where(total > _LEAST_WEIGHT, level, np.nan)


def _touching(mask: Mask, rough: Mask) -> Mask:
    """The components of a mask that have a pixel of `rough`."""
    labels, count = ndimage.label(mask)
    kept = np.zeros(count + 1, bool)
    kept[labels[rough]] = True
    kept[0] = False
    touching: Mask = kept[labels]
    return touching
