"""What is measured on one embryo of a label image, and what the QC masks say of it: pure functions on arrays."""

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import perimeter_crofton, regionprops

Mask = NDArray[np.bool_]
NAN = float("nan")
_TOUCHING = np.ones((3, 3), bool)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `build03`.

    An embryo is dead below `min_fraction_alive`; it is cut off when at most `min_inside` of it lies farther than
    `margin_um` from the frame's edge; blur and bubbles count when nearer than `near_margins` margins.
    """

    min_fraction_alive: float
    margin_um: float
    min_inside: float
    near_margins: float


class Shape(NamedTuple):
    """An embryo's geometry; lengths in um are NaN where the scale is not known."""

    area_um2: float
    perimeter_px: float
    perimeter_um: float
    centroid_x_px: float
    centroid_y_px: float
    centroid_x_um: float
    centroid_y_um: float
    major_axis_um: float
    minor_axis_um: float


class Quality(NamedTuple):
    """What the QC masks say of an embryo: flags are 1, 0, or NaN where the mask or the scale is missing."""

    fraction_alive: float
    dead_flag: float
    frame_flag: float
    no_yolk_flag: float
    focus_flag: float
    bubble_flag: float


class QcMasks(NamedTuple):
    """A frame's QC masks, bool (H, W); None where one was not made."""

    dead: Mask | None
    yolk: Mask | None
    focus: Mask | None
    bubble: Mask | None


def measure(mask: Mask, scale: tuple[float, float]) -> Shape:
    """Measure one embryo, bool (H, W) with at least a pixel; `scale` is um per px (across, down), NaN if unknown.

    The axes are those of the ellipse with the same second moments, in um; the perimeter is Crofton's, in four
    directions (Legland 2007), scaled by the geometric mean of the two scales.
    """
    across, down = scale
    (px,) = regionprops(mask.astype(np.uint8))
    row, column = px.centroid
    outline = float(perimeter_crofton(np.pad(px.image, 1), directions=4))
    major, minor = NAN, NAN
    if not math.isnan(across + down):
        (um,) = regionprops(mask.astype(np.uint8), spacing=(down, across))
        major, minor = um.axis_major_length, um.axis_minor_length
    return Shape(
        area_um2=float(px.area) * across * down,
        perimeter_px=outline,
        perimeter_um=outline * math.sqrt(across * down),
        centroid_x_px=column,
        centroid_y_px=row,
        centroid_x_um=column * across,
        centroid_y_um=row * down,
        major_axis_um=float(major),
        minor_axis_um=float(minor),
    )


def judge(mask: Mask, qc: QcMasks, um_per_px: float, settings: Settings) -> Quality:
    """What the frame's QC masks say of one embryo, bool (H, W); `um_per_px` is NaN where it is not known."""
    alive = NAN if qc.dead is None else 1 - np.count_nonzero(mask & qc.dead) / np.count_nonzero(mask)
    margin = NAN if math.isnan(um_per_px) else math.ceil(settings.margin_um / um_per_px)
    reach = settings.near_margins * margin
    return Quality(
        fraction_alive=alive,
        dead_flag=NAN if math.isnan(alive) else float(alive < settings.min_fraction_alive),
        frame_flag=NAN if math.isnan(margin) else float(inside(mask, int(margin)) <= settings.min_inside),
        no_yolk_flag=NAN if qc.yolk is None else float(not touches(mask, qc.yolk)),
        focus_flag=NAN if qc.focus is None or math.isnan(reach) else float(distance(mask, qc.focus, reach) < reach),
        bubble_flag=NAN if qc.bubble is None or math.isnan(reach) else float(distance(mask, qc.bubble, reach) < reach),
    )


def inside(mask: Mask, margin: int) -> float:
    """The share of a mask that lies in the frame shrunk by `margin` px on each side."""
    height, width = mask.shape
    within = mask[margin : max(height - margin, 0), margin : max(width - margin, 0)]
    return np.count_nonzero(within) / np.count_nonzero(mask)


def touches(mask: Mask, other: Mask) -> bool:
    """Whether a pixel of `other` lies in `mask` or next to it."""
    part = around(mask, 1)
    return bool((ndimage.binary_dilation(mask[part], _TOUCHING) & other[part]).any())


def distance(mask: Mask, other: Mask, reach: float) -> float:
    """How far, in px, the nearest pixel of `other` is from `mask`: 0 where they overlap, inf beyond `reach`."""
    part = around(mask, math.ceil(reach))
    found = other[part]
    if not found.any():
        return math.inf
    return float(ndimage.distance_transform_edt(~mask[part])[found].min())


def around(mask: Mask, margin: int) -> tuple[slice, slice]:
    """The mask's bounding box, grown by `margin` px within the frame."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(rows[0] - margin, 0), rows[-1] + margin + 1),
        slice(max(columns[0] - margin, 0), columns[-1] + margin + 1),
    )
