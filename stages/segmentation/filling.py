"""Masks made whole: holes filled, and what is thin taken off, up to the frame's very edge."""

import numpy as np
from scipy import ndimage
from skimage.morphology import isotropic_opening

from stages.imaging.arrays import Mask
from stages.segmentation.field import Field


def fill(mask: Mask) -> Mask:
    """Fill holes, also those that the frame's edge cuts open: there the two ends of one component are joined."""
    padded = np.pad(mask, 1)
    labels, _ = ndimage.label(padded)
    rows = ((labels[1], padded[0]), (labels[-2], padded[-1]))
    columns = ((labels[:, 1], padded[:, 0]), (labels[:, -2], padded[:, -1]))
    for inner, outer in (*rows, *columns):
        for label in np.unique(inner[inner > 0]):
            ends = np.flatnonzero(inner == label)
            outer[ends[0] : ends[-1] + 1] = True
    filled: Mask = ndimage.binary_fill_holes(padded)[1:-1, 1:-1]
    return filled


def fill_dark(mask: Mask, ratio: Field, bright: float) -> Mask:
    """Fill the holes of a mask but those whose mean `ratio` to the background is at least `bright`.

    The inside of a chorion is darker than the background; the gap between embryos that touch, or within a curled
    larva or a fibre, is the background itself.
    """
    filled = fill(mask)
    holes, count = ndimage.label(filled & ~mask)
    means = ndimage.mean(ratio, holes, np.arange(1, count + 1)) if count else np.zeros(0)
    is_gap = np.concatenate([[False], np.asarray(means) >= bright])
    without: Mask = filled & ~is_gap[holes]
    return without


def open_by(mask: Mask, radius: float) -> Mask:
    """Open by a disk of `radius` px: what is thinner than twice that goes.

    The mask goes on beyond the frame's edge, so that an embryo cut by it keeps its corners.
    """
    pad = int(np.ceil(radius)) * 2
    opened = isotropic_opening(np.pad(mask, pad, mode="edge"), radius)
    inside: Mask = opened[pad : pad + mask.shape[0], pad : pad + mask.shape[1]]
    return inside
