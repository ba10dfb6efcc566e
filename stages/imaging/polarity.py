"""Bright field or dark field: whether the background of a frame is brighter than what lies on it, or darker."""

import numpy as np
from numpy.typing import NDArray

# Looking at every fourth pixel along and across is enough.
_STEP = 4
# The border of a frame, as a share of its height and width.
_BORDER = 0.05
# How much farther the bright end must be from the background than the dark end.
_TIMES = 3.0


def is_dark_field(numbers: NDArray[np.generic]) -> bool:
    """Whether a frame, (H, W) or (H, W, colours) of any kind of number, has a dark background.

    The background is what most of the border is like, and most of the frame: a well's dark wall at the frame's ends is
    none. It is dark if nearly everything else is brighter: the distance to the 99th percentile is three times that to
    the 1st. An empty frame is not dark.
    """
    small = numbers[::_STEP, ::_STEP].astype(np.float64)
    grey = small.mean(axis=2) if small.ndim == 3 else small
    low, middle, high = np.percentile(grey, [1, 50, 99])
    background = float(np.median(_border(grey)))
    return all(high - level > _TIMES * (level - low) and high > level for level in (background, middle))


def _border(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = (max(1, round(size * _BORDER)) for size in grey.shape)
    sides = grey[:, :columns], grey[:, -columns:]
    return np.concatenate([grey[:rows].ravel(), grey[-rows:].ravel(), *(side.ravel() for side in sides)])
