"""Embryos by a background-normalised threshold: what is darker than its surroundings, solid and large enough."""

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import isotropic_opening

_GRID_PX = 8
_FIT_ROUNDS = 6


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What counts as an embryo. The frame is reduced to about `work_px` first; lengths are px of that.

    A segmenter knows no plate table, so nothing here is in um.
    """

    work_px: int = 400  # of the frame's shorter side; smaller frames stay as they are
    level: float = 0.86  # of the background's brightness; darker is foreground
    smooth_px: float = 0.8  # sigma of the Gaussian that takes the noise out
    opening_px: float = 3.5  # radius: what is thinner than twice this (fibres, tips of tails) goes
    min_area: float = 0.02  # of the frame
    min_solid: float = 0.5  # share of a component that was dark itself; a bubble is a dark ring


class Components(msgspec.Struct, frozen=True):
    """Embryos of one frame: labels uint8 (H, W), 0 and 1..n, and the confidence of each, in label order.

    A component's confidence is the share of its pixels that were below the threshold before holes were filled.
    """

    labels: NDArray[np.uint8]
    confidence: tuple[float, ...]


def foreground(grey: NDArray[np.uint8], settings: Settings) -> Components:
    """Find the embryos of one frame, grey uint8 (H, W), labelled from top to bottom."""
    step = max(1, min(grey.shape) // settings.work_px)
    smooth = ndimage.gaussian_filter(_reduce(grey, step), settings.smooth_px)
    dark = smooth < settings.level * background(smooth)
    candidates, count = ndimage.label(_open(_fill(dark), settings.opening_px))
    numbers = np.arange(1, count + 1)
    sizes = ndimage.sum_labels(np.ones(dark.shape), candidates, numbers)
    solid = ndimage.mean(dark, candidates, numbers) if count else np.zeros(0)
    kept = (sizes >= settings.min_area * dark.size) & (solid >= settings.min_solid)
    labels = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(np.uint8)[candidates]
    return Components(_enlarge(labels, step, grey.shape), tuple(float(value) for value in solid[kept]))


def _reduce(grey: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
    """The mean of each `step` x `step` block, float32; what is over at the ends is left out."""
    height, width = (size // step * step for size in grey.shape)
    blocks = grey[:height, :width].reshape(height // step, step, width // step, step)
    reduced: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return reduced


def _enlarge(labels: NDArray[np.uint8], step: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Labels of a reduced frame at its full `shape`; the ends continue the last block."""
    if step == 1:
        return labels
    sizes = zip(shape, labels.shape, strict=True)
    rows, columns = (np.minimum(np.arange(size) // step, small - 1) for size, small in sizes)
    return labels[np.ix_(rows, columns)]


def background(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The empty field's brightness, float32 (H, W): a quadratic surface fitted to what lies within 5 % of it."""
    height, width = grey.shape
    y, x = np.ogrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    terms = np.stack(np.broadcast_arrays(1.0, x, y, x * x, x * y, y * y), axis=-1).astype(np.float32)
    samples = terms[::_GRID_PX, ::_GRID_PX].reshape(-1, 6).astype(np.float64)
    values = grey[::_GRID_PX, ::_GRID_PX].ravel()
    # The field is bright and an embryo covers well under half of it.
    empty = values >= np.percentile(values, 40)
    for _ in range(_FIT_ROUNDS):
        # The normal equations, many times faster than all samples; least squares also takes a frame of too few.
        used = samples[empty]
        coefficients = np.linalg.lstsq(used.T @ used, used.T @ values[empty], rcond=None)[0]
        ratio = values / np.maximum(samples @ coefficients, 1.0)
        closer = np.abs(ratio - 1) < 0.05
        if closer.sum() < samples.shape[1] * 4:
            break
        empty = closer
    return np.maximum(terms @ coefficients, 1.0).astype(np.float32)


def _fill(dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill holes, also those that the frame's edge cuts open: there the two ends of one component are joined."""
    padded = np.pad(dark, 1)
    labels, _ = ndimage.label(padded)
    rows = ((labels[1], padded[0]), (labels[-2], padded[-1]))
    columns = ((labels[:, 1], padded[:, 0]), (labels[:, -2], padded[:, -1]))
    for inner, outer in (*rows, *columns):
        for label in np.unique(inner[inner > 0]):
            ends = np.flatnonzero(inner == label)
            outer[ends[0] : ends[-1] + 1] = True
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(padded)[1:-1, 1:-1]
    return filled


def _open(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Open by a disk; the mask goes on beyond the frame's edge, so that an embryo cut by it keeps its corners."""
    pad = int(np.ceil(radius)) * 2
    opened = isotropic_opening(np.pad(mask, pad, mode="edge"), radius)
    inside: NDArray[np.bool_] = opened[pad : pad + mask.shape[0], pad : pad + mask.shape[1]]
    return inside
