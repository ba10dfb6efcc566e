"""Embryos that touch, told apart: a mask is divided at its narrow necks."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from stages.imaging.arrays import Mask

# Sigma, in px, of what smooths half-widths: the corners of pixels make peaks of their own.
_SMOOTH_PX = 1.0

# (h, w): the parts of a mask as 1.., 0 outside.
Parts = NDArray[np.int32]


def divide(mask: Mask, narrow: float, least_px: float) -> Parts:
    """Divide one component, bool (h, w), at its necks: narrower than `narrow` times the smaller part's widest.

    The half-width at a pixel is its distance from the outside. A watershed on it begins at its peaks; of two peaks, the
    lower one counts if the way to the other leads below `narrow` times its own height (Vincent's h-maxima, 1993, on the
    logarithm). No part is smaller than `least_px`: what would be stays with its neighbour.
    """
    if np.count_nonzero(mask) < 2 * least_px:
        return mask.astype(np.int32)
    half_width = ndimage.gaussian_filter(ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1], _SMOOTH_PX)
    half_width[~mask] = 0
    peaks = local_maxima(reconstruction(half_width * narrow, half_width)) & mask
    markers, count = ndimage.label(peaks, np.ones((3, 3)))
    while count > 1:
        parts: Parts = watershed(-half_width, markers, mask=mask)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
        smallest = int(sizes.argmin()) + 1
        if sizes[smallest - 1] >= least_px:
            return parts
        markers[markers == smallest] = 0
        markers[markers > smallest] -= 1
        count -= 1
    return mask.astype(np.int32)
