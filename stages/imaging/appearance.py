"""How an embryo looks in its frame, against the background round it: how bright, and how sharp."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from stages.imaging.arrays import Grey, Labels, Mask, Slices
from stages.imaging.embryo_box import grow, within

# Sharpness is measured at one scale, that of the snips, so that plates of several microscopes compare.
_UM_PER_PX = 6.5
# The background is what lies round an embryo's box, as far as a quarter of its longer side.
_ROUND = 0.25


class Appearance(NamedTuple):
    """An embryo's mean brightness over the background's, and its sharpness, None if the scale is not known.

    Sharpness is the variance of the Laplacian (of four neighbours) of brightness over background, at 6.5 um per px
    (Pech-Pacheco et al. 2000).
    """

    brightness: float
    sharpness: float | None


def appearance(grey: Grey, labels: Labels, value: int, box: Slices, um_per_px: float | None) -> Appearance:
    """How the embryo `value` looks, that lies at `box` of a frame; grey and labels uint8 (H, W)."""
    sides = [side.stop - side.start for side in box]
    part = grow(box, max(2, round(max(sides) * _ROUND)), labels.shape)
    inner = within(box, part)
    mask = labels[box] == value
    relative = grey[part].astype(np.float32) / np.float32(background(grey, labels, part))
    brightness = float(relative[inner][mask].mean(dtype=np.float64))
    return Appearance(brightness, None if um_per_px is None else sharpness(relative[inner], mask, um_per_px))


def background(grey: Grey, labels: Labels, part: Slices) -> float:
    """The median of a frame's pixels that are no embryo's in `part` of it, or else of all those, at least 1."""
    for place in (part, (slice(None), slice(None))):
        empty = grey[place][labels[place] == 0]
        if empty.size:
            return max(float(np.median(empty)), 1.0)
    return max(float(np.median(grey)), 1.0)


def sharpness(relative: NDArray[np.float32], mask: Mask, um_per_px: float) -> float:
    """The variance of the Laplacian within a mask, bool (h, w); `relative`, of the same shape, is over background."""
    height, width = (max(1, round(side * um_per_px / _UM_PER_PX)) for side in mask.shape)
    resized = np.asarray(Image.fromarray(relative).resize((width, height), Image.Resampling.BILINEAR))
    small = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize((width, height), Image.Resampling.BOX)
    inside = np.asarray(small) > 127
    laplacian = ndimage.laplace(resized.astype(np.float64), mode="nearest")
    return float(laplacian[inside].var()) if inside.any() else 0.0
