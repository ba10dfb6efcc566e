"""Alignment: how an embryo lies in its frame, and its image upright at a fixed scale, by one affine warp."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from stages.imaging.arrays import Grey, Mask, Slices
from stages.imaging.embryo_box import Moments, moments

SNIP_SIZE = (576, 256)
# Where the smoothing kernel ends, in its sigmas.
_TRUNCATE = 3.0
# Rows that are smoothed at once.
_STRIP = 64


class Pose(NamedTuple):
    """Where an embryo lies: centroid (row, column) in px, and the unit vector (row, column), in um, to its top."""

    centre: tuple[float, float]
    up: tuple[float, float]


# As the frame lies.
UPRIGHT = (-1.0, 0.0)


def angle(pose: Pose) -> float:
    """By how many degrees, -180 to 180, an embryo's top points clockwise from the frame's."""
    row, column = pose.up
    return math.degrees(math.atan2(column, -row))


def find_pose(mask: Mask, yolk: Mask, scale: tuple[float, float], box: Slices) -> Pose:
    """Centroid and direction of an embryo, from its mask and the yolk's in the `box` (of a frame) it lies in.

    Both bool (h, w), the embryo with at least a pixel; `scale` is um per px (across, down). The direction is the
    long axis, pointing to the side of the yolk; if no yolk pixel lies in the mask, to the side where the mask is
    wider, which is the side opposite to its long tail.
    """
    sums = moments(mask, box)
    across, down = scale
    axis = np.linalg.eigh(sums.spread(scale))[1][:, 1]
    in_yolk = yolk & mask
    if in_yolk.any():
        middle = moments(in_yolk, box)
        side = axis[0] * (middle.row - sums.row) * down + axis[1] * (middle.column - sums.column) * across
    else:
        side = -_third_moment(sums, axis[0] * down, axis[1] * across)
    # A fixed sign if nothing decides, since eigenvectors come with either.
    if side < 0 or (side == 0 and (axis[0], axis[1]) > (0.0, 0.0)):
        axis = -axis
    return Pose((sums.row, sums.column), (float(axis[0]), float(axis[1])))


def _third_moment(sums: Moments, row: float, column: float) -> float:
    """The sum of the cubes of (row, column) times the distances from the mean."""
    return (
        row**3 * sums.rrr
        + 3 * row * row * column * sums.rrc
        + 3 * row * column * column * sums.rcc
        + column**3 * sums.ccc
    )


class Sampling(NamedTuple):
    """The affine map from a snip's pixels (row, column) to a frame's: `matrix` (2, 2), `offset` (2,)."""

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]


def sampling(pose: Pose, scale: tuple[float, float], um_per_px: float) -> Sampling:
    """Where in the frame each pixel of an upright snip lies; `scale` is the frame's um per px (across, down)."""
    up = np.array(pose.up)
    right = np.array([up[1], -up[0]])
    steps_um = um_per_px * np.stack([-up, right], axis=1)
    matrix = steps_um / np.array([[scale[1]], [scale[0]]])
    middle = (np.array(SNIP_SIZE) - 1) / 2
    return Sampling(matrix, np.array(pose.centre) - matrix @ middle)


def inside(mask: Mask, box: Slices, where: Sampling) -> float:
    """The share of an embryo, bool (h, w) in the `box` of its frame, that lies in the snip."""
    back = np.linalg.inv(where.matrix)
    corner = np.array([side.start for side in box])
    ends = [[side.start, side.stop - 1] for side in box]
    limits = np.array(SNIP_SIZE)[:, None] - 0.5

    def lies_in(places: NDArray[np.floating]) -> NDArray[np.bool_]:
        found = back @ (places - where.offset[:, None])
        return np.asarray(((found >= -0.5) & (found < limits)).all(axis=0))

    if lies_in(np.array(np.meshgrid(*ends, indexing="ij"), float).reshape(2, -1)).all():
        return 1.0
    return float(lies_in(np.stack(np.nonzero(mask)) + corner[:, None].astype(float)).mean())


def warp(grey: Grey, where: Sampling) -> NDArray[np.float32]:
    """Sample a frame, uint8 (H, W), linearly at a snip's pixels; float32 (576, 256).

    Where it gets smaller it is smoothed first against aliasing, by scikit-image's rule: a Gaussian whose sigma is half
    of what the factor is above 1. Only the part that the snip covers is touched; outside, the frame is as at its edge.
    """
    factor = math.sqrt(abs(float(np.linalg.det(where.matrix))))
    sigma = max((factor - 1) / 2, 0.0)
    margin = 2 + math.ceil(_TRUNCATE * sigma)
    ends = np.array(SNIP_SIZE) - 1
    corners = where.matrix @ (np.array([[0, 0, 1, 1], [0, 1, 0, 1]]) * ends[:, None]) + where.offset[:, None]
    shape = np.array(grey.shape)
    low = np.clip(np.floor(corners.min(axis=1)).astype(int) - margin, 0, shape - 1)
    high = np.clip(np.ceil(corners.max(axis=1)).astype(int) + margin + 1, low + 1, shape)
    part = grey[low[0] : high[0], low[1] : high[1]]
    smooth = smoothed(part, sigma)
    sampled = sample(smooth, where, low, outside=math.nan)
    beyond = np.isnan(sampled)
    if beyond.any():
        places = where.matrix @ np.stack(np.nonzero(beyond)) + (where.offset - low)[:, None]
        sampled[beyond] = ndimage.map_coordinates(smooth, places, order=1, mode="nearest")
    return sampled


def smoothed(image: Grey, sigma: float) -> NDArray[np.float32]:
    """An image, uint8 (H, W), under a Gaussian of `sigma` px, its edge continued; float32.

    What SciPy's filter gives, in less than half the time for a narrow Gaussian: strips of some rows stay in the
    processor's cache while they are shifted and added.
    """
    radius = round(_TRUNCATE * sigma)
    if not radius:
        return image.astype(np.float32)
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma * sigma))
    weights = (kernel / kernel.sum()).astype(np.float32)
    padded = np.pad(image, radius, mode="edge")
    result = np.empty(image.shape, np.float32)
    for top in range(0, len(image), _STRIP):
        strip = result[top : top + _STRIP]
        part = padded[top : top + len(strip) + 2 * radius].astype(np.float32)
        strip[:] = _shifted(_shifted(part, weights, axis=0), weights, axis=1)
    return result


def _shifted(image: NDArray[np.float32], weights: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """The sum of an image's shifts along an axis, by symmetric weights; smaller there by what the shifts take."""
    radius = len(weights) // 2
    size = image.shape[axis] - 2 * radius

    def shift(by: int) -> NDArray[np.float32]:
        return image[by : by + size] if axis == 0 else image[:, by : by + size]

    total: NDArray[np.float32] = shift(radius) * weights[radius]
    for near in range(radius):
        pair = shift(near) + shift(2 * radius - near)
        pair *= weights[near]
        total += pair
    return total


def soft_mask(mask: Mask, where: Sampling, box: Slices, sigma: float) -> NDArray[np.float32]:
    """How much of an embryo, bool (h, w) in the `box` of its frame, is around a snip's pixels: float32 (576, 256).

    A Gaussian of `sigma` pixels of the snip. It is so smooth that half the resolution is enough to make it from.
    """
    half = (SNIP_SIZE[0] // 2, SNIP_SIZE[1] // 2)
    # The middle of a coarse pixel is a corner between fine ones.
    coarse = Sampling(where.matrix * 2, where.offset + where.matrix @ np.array([0.5, 0.5]))
    step = max(math.floor(math.sqrt(abs(float(np.linalg.det(coarse.matrix))))), 1)
    padded = np.pad(mask.astype(np.float32), [(step, step + -size % step) for size in mask.shape])
    reduced = np.asarray(Image.fromarray(padded).reduce(step))
    corner = np.array([side.start - step for side in box])
    # And so is the middle of one that is the mean of several.
    middle = Sampling(coarse.matrix / step, (coarse.offset - corner - (step - 1) / 2) / step)
    sampled = sample(reduced, middle, np.zeros(2, int), 0.0, half)
    smooth = Image.fromarray(ndimage.gaussian_filter(sampled, sigma / 2))
    return np.asarray(smooth.resize(SNIP_SIZE[::-1], Image.Resampling.BILINEAR))


def sample(
    image: NDArray[np.float32],
    where: Sampling,
    corner: NDArray[np.int_],
    outside: float,
    size: tuple[int, int] = SNIP_SIZE,
) -> NDArray[np.float32]:
    """Sample the part of a frame that begins at `corner`, float32 (h, w), linearly at a snip's pixels.

    Pillow's affine transform gives what SciPy's does in less than half the time; it counts from the pixels' corners.
    """
    (a, b), (c, d) = where.matrix.tolist()
    row, column = (where.offset - corner).tolist()
    terms = (d, c, column + 0.5 - 0.5 * (d + c), b, a, row + 0.5 - 0.5 * (a + b))
    warped = Image.fromarray(image).transform(
        size[::-1], Image.Transform.AFFINE, terms, Image.Resampling.BILINEAR, fillcolor=outside
    )
    return np.array(warped)
