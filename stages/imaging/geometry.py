"""Geometry: what is measured on one embryo of a label image, and what the QC masks say of it."""

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from stages.imaging.arrays import Grey, Labels, Mask, Slices
from stages.imaging.embryo_box import grow, moments, within
from stages.imaging.qc_frame import from_qc
from stages.imaging.share import Share

NAN = float("nan")


class Chorion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An outline is that of a chorion if it is `min_um` wide and `min_round`: 4 pi area / perimeter^2, 1 for a disc."""

    min_um: float
    min_round: float


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `build03`.

    An embryo is dead below `min_fraction_alive`, or if no network knows, darkened by more than
    `max_darkening` against its brightest frame of the last `darkening_h` hours; it is cut off when at most
    `min_inside` of it lies farther than `margin_um` from the frame's edge; blur and bubbles count when nearer than
    `near_margins` margins. It is out of focus below the sharpness `focus_min`, if no network knows.
    """

    min_fraction_alive: Share
    margin_um: float
    min_inside: Share
    near_margins: float
    focus_min: float
    max_darkening: Share
    darkening_h: float
    chorion: Chorion


class Shape(NamedTuple):
    """An embryo's geometry; lengths in um are NaN if the scale is not known."""

    area_um2: float
    perimeter_px: float
    perimeter_um: float
    centroid_x_px: float
    centroid_y_px: float
    centroid_x_um: float
    centroid_y_um: float
    major_axis_um: float
    minor_axis_um: float
    length_um: float
    width_um: float


class Quality(NamedTuple):
    """What the QC masks say of an embryo: flags are 1, 0, or NaN if the mask or the scale is missing."""

    fraction_alive: float
    dead_flag: float
    frame_flag: float
    no_yolk_flag: float
    focus_flag: float
    bubble_flag: float


class Outline(NamedTuple):
    """What an embryo's outline says: whether it is a chorion's, and whether it lies next to another embryo's."""

    in_chorion: float
    touching_flag: float


class QcMasks(NamedTuple):
    """A frame's QC masks as the networks made them, uint8 (576, 320), 0 elsewhere; None if a mask was not made."""

    dead: Grey | None
    yolk: Grey | None
    focus: Grey | None
    bubble: Grey | None


def measure(mask: Mask, box: Slices, scale: tuple[float, float]) -> Shape:
    """Measure one embryo, bool (h, w) with at least a pixel, that lies at `box` of its frame.

    `scale` is um per px (across, down), NaN if unknown. The axes are those of the ellipse with the same second
    moments, in um; the perimeter is scaled by the geometric mean of the two scales.
    """
    across, down = scale
    sums = moments(mask, box)
    outline = perimeter(mask)
    major, minor, length, width = NAN, NAN, NAN, NAN
    if not math.isnan(across + down):
        variances, axes = np.linalg.eigh(sums.spread(scale) / sums.area)
        minor, major = 4 * np.sqrt(np.maximum(variances, 0))
        width, length = extents(mask, axes, scale)
    return Shape(
        area_um2=sums.area * across * down,
        perimeter_px=outline,
        perimeter_um=outline * math.sqrt(across * down),
        centroid_x_px=sums.column,
        centroid_y_px=sums.row,
        centroid_x_um=sums.column * across,
        centroid_y_um=sums.row * down,
        major_axis_um=float(major),
        minor_axis_um=float(minor),
        length_um=length,
        width_um=width,
    )


def extents(mask: Mask, axes: NDArray[np.float64], scale: tuple[float, float]) -> tuple[float, float]:
    """How far a mask reaches along two axes, in um: from the outer edge of one pixel to that of another.

    `axes` has a unit vector (row, column), in um, in each column; `scale` is um per px (across, down).
    """
    across, down = scale
    pixel = np.array([down, across])
    along = np.argwhere(edge(mask)) * pixel @ axes
    first, second = np.ptp(along, axis=0) + pixel @ np.abs(axes)
    return float(first), float(second)


def outline(shape: Shape, labels: Labels, value: int, box: Slices, settings: Chorion) -> Outline:
    """The outline of the embryo `value` of a frame's labels, uint8 (H, W), that lies at `box` of it."""
    is_chorion = in_chorion(shape.area_um2, shape.perimeter_um, settings)
    return Outline(is_chorion, float(touches_another(labels, value, box)))


def in_chorion(area_um2: float, perimeter_um: float, settings: Chorion) -> float:
    """1 if an outline is that of a chorion, 0 if not, NaN if the scale is not known."""
    if math.isnan(area_um2):
        return NAN
    wide = 2 * math.sqrt(area_um2 / math.pi)
    roundness = 4 * math.pi * area_um2 / perimeter_um**2
    return float(wide >= settings.min_um and roundness >= settings.min_round)


def touches_another(labels: Labels, value: int, box: Slices) -> bool:
    """Whether a pixel of another embryo lies next to this one, also at a corner; labels uint8 (H, W)."""
    part = labels[grow(box, 1, labels.shape)]
    others = (part != 0) & (part != value)
    return bool(others.any()) and bool((others & _wider(part == value)).any())


def _wider(mask: Mask) -> Mask:
    """A mask with all pixels next to it, also at a corner."""
    wide = np.pad(mask, 1)
    wide = wide[:-2] | wide[1:-1] | wide[2:]
    return np.asarray(wide[:, :-2] | wide[:, 1:-1] | wide[:, 2:])


def perimeter(mask: Mask) -> float:
    """Crofton's perimeter, in px: how often lines in four directions enter the mask (Legland et al. 2007)."""
    before = np.pad(mask, 1)
    straight = [before[1:-1, :-2], before[:-2, 1:-1]]
    diagonal = [before[:-2, :-2], before[:-2, 2:]]
    entered, crossed = (sum(np.count_nonzero(mask & ~side) for side in sides) for sides in (straight, diagonal))
    return math.pi / 4 * (entered + crossed / math.sqrt(2))


def judge(
    mask: Mask, box: Slices, shape: tuple[int, ...], qc: QcMasks, um_per_px: float, settings: Settings
) -> Quality:
    """What the QC masks of a frame of `shape` (H, W) say of one embryo, bool (h, w), that lies at `box` of it.

    `um_per_px` is NaN if it is not known.
    """
    alive = NAN
    if qc.dead is not None:
        alive = 1 - np.count_nonzero(mask & (from_qc(qc.dead, shape, box) > 0)) / np.count_nonzero(mask)
    margin = NAN if math.isnan(um_per_px) else math.ceil(settings.margin_um / um_per_px)
    reach = settings.near_margins * margin

    def near(other: Grey | None) -> float:
        if other is None or math.isnan(reach):
            return NAN
        return float(distance(mask, box, shape, other, reach) < reach)

    return Quality(
        fraction_alive=alive,
        dead_flag=NAN if math.isnan(alive) else float(alive < settings.min_fraction_alive),
        frame_flag=NAN if math.isnan(margin) else float(inside(mask, box, shape, int(margin)) <= settings.min_inside),
        no_yolk_flag=NAN if qc.yolk is None else float(not touches(mask, box, shape, qc.yolk)),
        focus_flag=near(qc.focus),
        bubble_flag=near(qc.bubble),
    )


def inside(mask: Mask, box: Slices, shape: tuple[int, ...], margin: int) -> float:
    """The share of a mask that lies in the frame shrunk by `margin` px on each side."""
    rows, columns = (
        slice(max(margin - side.start, 0), max(size - margin - side.start, 0))
        for side, size in zip(box, shape, strict=True)
    )
    return np.count_nonzero(mask[rows, columns]) / np.count_nonzero(mask)


def touches(mask: Mask, box: Slices, shape: tuple[int, ...], other: Grey) -> bool:
    """Whether a pixel of `other`, a QC mask, lies in the embryo or next to it, also at a corner."""
    part = grow(box, 1, shape)
    pixels = from_qc(other, shape, part) > 0
    if not pixels.any():
        return False
    return bool((_wider(pixels)[within(box, part)] & mask).any())


def distance(mask: Mask, box: Slices, shape: tuple[int, ...], other: Grey, reach: float) -> float:
    """How far, in px, the nearest pixel of `other`, a QC mask, is: 0 if it overlaps the embryo, inf from `reach` on.

    Of two masks apart, the nearest pixels are on their edges, so that only these are compared.
    """
    part = grow(box, math.ceil(reach), shape)
    pixels = from_qc(other, shape, part) > 0
    if not pixels.any():
        return math.inf
    inner = within(box, part)
    if (pixels[inner] & mask).any():
        return 0.0
    corner = [side.start for side in inner]
    tree = KDTree(np.argwhere(edge(mask)) + corner)
    nearest = tree.query(np.argwhere(edge(pixels)), distance_upper_bound=reach)[0]
    return float(nearest.min())


def edge(mask: Mask) -> Mask:
    """The pixels of a mask that have a side in common with a pixel outside of it."""
    padded = np.pad(mask, 1)
    enclosed = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    outline: Mask = mask & ~enclosed
    return outline
