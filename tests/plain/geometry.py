"""Geometry and flags by passes over the whole frame."""

import math

import numpy as np
from scipy import ndimage
from skimage import measure

from stages.imaging import geometry
from stages.imaging.geometry import Quality, Shape


def measured(label: np.ndarray, embryo: int, scale: tuple[float, float]) -> Shape:
    """The geometry of one embryo of a label image, uint8 (H, W), by regionprops on the whole frame."""
    mask = label == embryo
    (px,) = measure.regionprops(mask.astype(np.uint8))
    (um,) = measure.regionprops(mask.astype(np.uint8), spacing=(scale[1], scale[0]))
    outline = measure.perimeter_crofton(mask, directions=4)
    row, column = px.centroid
    return Shape(
        px.area * scale[0] * scale[1], outline, outline * math.sqrt(scale[0] * scale[1]), column, row,
        column * scale[0], row * scale[1], um.axis_major_length, um.axis_minor_length, *reach(mask, scale),
    )  # fmt: skip


def reach(mask: np.ndarray, scale: tuple[float, float]) -> tuple[float, float]:
    """How far a mask's pixels reach along its long axis and across it, in um: by the corners of all of them."""
    rows, columns = np.nonzero(mask)
    corners = [(rows + down, columns + across) for down in (-0.5, 0.5) for across in (-0.5, 0.5)]
    places = np.concatenate([np.stack(corner, axis=1) for corner in corners]) * [scale[1], scale[0]]
    axes = np.linalg.svd(np.stack([rows, columns], axis=1) * [scale[1], scale[0]] - [rows.mean() * scale[1],
                         columns.mean() * scale[0]], full_matrices=False)[2]  # fmt: skip
    long, short = np.ptp(places @ axes.T, axis=0)
    return float(long), float(short)


def judged(
    label: np.ndarray, embryo: int, qc: geometry.QcMasks, um_per_px: float, settings: geometry.Settings
) -> Quality:
    """The flags of one embryo, a pass over the whole frame for each; all QC masks are there."""
    mask = label == embryo
    dead, yolk, focus, bubble = (laid(page, label.shape) > 0 for page in qc if page is not None)
    margin = math.ceil(settings.margin_um / um_per_px)
    inner = np.zeros(mask.shape, bool)
    inner[margin : mask.shape[0] - margin, margin : mask.shape[1] - margin] = True
    alive = 1 - (mask & dead).sum() / mask.sum()
    away = ndimage.distance_transform_edt(~mask)
    near = away < settings.near_margins * margin
    return Quality(
        alive,
        float(alive < settings.min_fraction_alive),
        float((mask & inner).sum() / mask.sum() <= settings.min_inside),
        float(not (ndimage.binary_dilation(mask, np.ones((3, 3))) & yolk).any()),
        float((focus & near).any()),
        float((bubble & near).any()),
    )


def laid(page: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A QC mask, uint8 (576, 320), on its frame: nearest pixel, turned where the frame is landscape."""
    landscape = shape[1] > shape[0]
    sides = zip(shape[::-1] if landscape else shape, page.shape, strict=True)
    rows, columns = ([(2 * pixel + 1) * seen // (2 * size) for pixel in range(size)] for size, seen in sides)
    large = page[np.ix_(rows, columns)]
    return np.rot90(large, -1) if landscape else large
