"""A frame relative to its empty field: reduced to larger pixels, and divided by the light of the background."""

import numpy as np
from numpy.typing import NDArray

from stages.imaging.arrays import Grey

# A fit needs no more than about so many samples along the longer side.
_SAMPLES = 64
_FIT_ROUNDS = 6
_TERMS = 6

# Brightness, float32 (H, W): grey levels, or shares of the background's.
Field = NDArray[np.float32]


def reduce(grey: Grey, step: int) -> Field:
    """The mean of each `step` x `step` block, float32; what is over at the ends is left out."""
    height, width = (size // step * step for size in grey.shape)
    rows = grey[:height, :width].reshape(height // step, step, width)
    # Whole numbers, which add up to the same in any order.
    down = rows.sum(axis=1, dtype=np.uint32)
    sums = sum(down[:, start::step] for start in range(step))
    return np.asarray(sums, np.float32) / np.float32(step * step)


def background(grey: Field) -> Field:
    """The empty field's brightness, float32 (H, W): a quadratic surface fitted to what lies within 5 % of it."""
    height, width = grey.shape
    y, x = np.ogrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    every = max(1, max(height, width) // _SAMPLES)
    rows, columns = np.broadcast_arrays(y[::every], x[:, ::every])
    terms = np.stack([np.ones(rows.shape), columns, rows, columns**2, columns * rows, rows**2], axis=-1)
    a, b, c, d, e, f = _fit(terms.reshape(-1, _TERMS), grey[::every, ::every].ravel())
    surface: Field = np.maximum(a + x * (b + d * x + e * y) + y * (c + f * y), 1.0).astype(np.float32)
    return surface


def _fit(samples: NDArray[np.float64], values: Field) -> NDArray[np.float64]:
    # The field is bright and an embryo covers well under half of it.
    empty = values >= np.percentile(values, 40)
    for _ in range(_FIT_ROUNDS):
        # The normal equations, many times faster than all samples; least squares also takes a frame of too few.
        used = samples[empty]
        found = np.linalg.lstsq(used.T @ used, used.T @ values[empty], rcond=None)[0]
        ratio = values / np.maximum(samples @ found, 1.0)
        closer = np.abs(ratio - 1) < 0.05
        if closer.sum() < _TERMS * 4:
            break
        empty = closer
    # The last digits of a solution are those of the processor.
    coefficients: NDArray[np.float64] = np.round(found, 6)
    return coefficients
