"""A snip by rescaling, rotating and cropping the whole frame."""

import math

import numpy as np
from scipy import ndimage
from skimage import measure, transform

from stages import snips
from stages.imaging.equalisation import equalise
from stages.imaging.snip_settings import SnipSettings


def snip(
    name: str,
    grey: np.ndarray,
    mask: np.ndarray,
    yolk: np.ndarray,
    scale: tuple[float, float],
    settings: SnipSettings,
) -> np.ndarray:
    """One snip, uint8 (576, 256), from a frame, uint8 (H, W), and its embryo's and yolk's masks, bool (H, W).

    Rescale the whole frame, rotate it, crop it, equalise it, and fade into noise.
    """
    (region,) = measure.regionprops(mask.astype(np.uint8), spacing=(scale[1], scale[0]))
    factors = (scale[1] / settings.um_per_px, scale[0] / settings.um_per_px)
    small = [transform.rescale(plane.astype(np.float64), factors, order=1, anti_aliasing=True, mode="edge")
             for plane in (grey, mask, yolk & mask)]  # fmt: skip
    row, column = np.argwhere(mask).mean(axis=0)
    row, column = ((row + 0.5) * factors[0] - 0.5, (column + 0.5) * factors[1] - 0.5)
    # scikit-image's orientation is the angle from the row axis to the long axis, counter-clockwise.
    angle = -math.degrees(region.orientation)

    def turn(plane: np.ndarray, degrees: float, order: int) -> np.ndarray:
        turned = transform.rotate(plane, degrees, center=(column, row), order=order, mode="edge", preserve_range=True)
        return np.asarray(turned)

    if (turn(small[2], angle, 1)[: int(row)].sum()) < small[2].sum() / 2:
        angle += 180
    middle = transform.AffineTransform(translation=(column - 127.5, row - 287.5))
    image, weight = (
        transform.warp(turn(plane, angle, order), middle, output_shape=(576, 256), order=order, mode=mode)
        for plane, order, mode in ((small[0], 3, "edge"), (small[1], 1, "constant"))
    )
    equalised = equalise(image.astype(np.float32))
    weight = ndimage.gaussian_filter(weight, settings.blend_um / settings.um_per_px)
    background = snips.noise(name, settings.noise_mean, settings.noise_sd)
    levels = np.rint(equalised * weight + background * (1 - weight))
    return np.asarray(np.clip(levels, 0, 255), np.uint8)
