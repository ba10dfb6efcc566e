"""Alignment: how an embryo lies in its frame, and its image upright at a fixed scale, by one affine warp."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SNIP_SIZE = (576, 256)
Mask = NDArray[np.bool_]


class Pose(NamedTuple):
    """Where an embryo lies: centroid (row, column) in px, and the unit vector (row, column), in um, to its top."""

    centre: tuple[float, float]
    up: tuple[float, float]


def find_pose(mask: Mask, yolk: Mask, scale: tuple[float, float]) -> Pose:
    """Centroid and direction of an embryo, from its mask, bool (H, W); `scale` is um per px (across, down).

    The direction is the long axis, pointing to the side of the yolk; where no yolk pixel lies in the mask, to the
    side where the mask is wider, which is the side opposite to its long tail.
    """
    rows, columns = np.nonzero(mask)
    centre = (float(rows.mean()), float(columns.mean()))
    points = np.stack([(rows - centre[0]) * scale[1], (columns - centre[1]) * scale[0]])
    axis = np.linalg.eigh(points @ points.T)[1][:, 1]
    along = axis @ points
    in_yolk = yolk[rows, columns]
    side = along[in_yolk].mean() if in_yolk.any() else -float(np.mean(along**3))
    # A fixed sign where there is nothing to go by, since eigenvectors come with either.
    if side < 0 or (side == 0 and (axis[0], axis[1]) > (0.0, 0.0)):
        axis = -axis
    return Pose(centre, (float(axis[0]), float(axis[1])))


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


def warp(image: NDArray[np.float32], where: Sampling, mode: str) -> NDArray[np.float32]:
    """Sample `image` (H, W) linearly at a snip's pixels, smoothed first against aliasing where it gets smaller.

    Only the part of the frame that the snip covers is touched. `mode` is SciPy's, for what lies outside the frame.
    Returns float32 (576, 256).
    """
    ends = np.array(SNIP_SIZE) - 1
    corners = where.matrix @ (np.array([[0, 0, 1, 1], [0, 1, 0, 1]]) * ends[:, None]) + where.offset[:, None]
    factor = math.sqrt(abs(float(np.linalg.det(where.matrix))))
    margin = 2 + math.ceil(2 * factor)
    shape = np.array(image.shape)
    low = np.clip(np.floor(corners.min(axis=1)).astype(int) - margin, 0, shape - 1)
    high = np.clip(np.ceil(corners.max(axis=1)).astype(int) + margin, low + 1, shape)
    part = image[low[0] : high[0], low[1] : high[1]]
    if factor > 1:
        part = ndimage.gaussian_filter(part, (factor - 1) / 2, mode="nearest")
    sampled: NDArray[np.float32] = ndimage.affine_transform(
        part, where.matrix, where.offset - low, output_shape=SNIP_SIZE, order=1, mode=mode, output=np.float32
    )
    return sampled
