"""Embryos by a background-normalised threshold: what is darker than its surroundings, solid and large enough.

On larger pixels: a threshold finds them, and narrow necks divide those that touch. On the frame's own: outlines.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stages.imaging.arrays import Grey, Labels, Mask, Slices
from stages.imaging.embryo_box import grow
from stages.segmentation import field, filling
from stages.segmentation.division import Parts, divide
from stages.segmentation.field import Field
from stages.segmentation.outline import Band, refine
from stages.segmentation.segmented import MOST_EMBRYOS

# Embryos are looked for on at most so many pixels along a side, however little a pixel is said to measure.
_MOST_PX = 2000


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What counts as an embryo, in um of the specimen; brightness is relative to the background's."""

    work_um: float = 15.0  # the frame is reduced to pixels of at most this; larger ones stay as they are
    level: float = 0.86  # darker is foreground
    gap: float = 0.95  # a hole from this brightness on is background, a darker one the inside of an embryo
    smooth_um: float = 6.4  # sigma of the Gaussian that takes the noise out
    opening_um: float = 28.0  # radius: what is thinner than twice this (fibres, tips of tails) goes
    least_um2: float = 200_000.0  # half of an embryo of 12 hpf is 235,000
    min_solid: float = 0.5  # share of a component that was dark itself; a bubble is a dark ring
    neck: float = 0.62  # embryos touch at a neck narrower than this, as a share of the smaller one's width
    band_um: float = 48.0  # how far the outline may lie from the threshold's
    along_um: float = 60.0  # sigma of the Gaussian along the outline, over which edges are alike


class Components(NamedTuple):
    """Embryos of one frame: labels uint8 (H, W), 0 and 1..n, and the confidence of each, in label order.

    A component's confidence is the share of its pixels that were below the threshold before holes were filled.
    """

    labels: Labels
    confidence: tuple[float, ...]


def foreground(grey: Grey, um_per_px: float, settings: Settings) -> Components:
    """Find the embryos of one frame, grey uint8 (H, W), labelled from top to bottom.

    `um_per_px` is its scale. One that has no outline after all is left out.
    """
    if grey.size * um_per_px**2 < settings.least_um2:
        return Components(np.zeros(grey.shape, np.uint8), ())
    step = _step(grey.shape, um_per_px, settings)
    px_um = um_per_px * step
    smooth = ndimage.gaussian_filter(field.reduce(grey, step), settings.smooth_um / px_um)
    ratio = smooth / field.background(smooth)
    dark = ratio < settings.level
    rough = _candidates(ratio, dark, px_um, settings)
    parts = _divided(rough, px_um, settings)
    count = int(parts.max(initial=0))
    solid = ndimage.mean(dark, parts, np.arange(1, count + 1)) if count else ()
    labels, confidence = np.zeros(grey.shape, np.uint8), list[float]()
    band = Band(*(um / px_um for um in (settings.band_um, settings.along_um, settings.opening_um)))
    for place, component in _boxed(rough, math.ceil(band.width) + 2):
        others = (rough[place] > 0) & ~component
        signed = refine(ratio[place], component, others, band)
        target, inside, own = _enlarged(labels, place, signed, _nearest(np.where(component, parts[place], 0)), step)
        for part in np.unique(own[inside]).tolist():
            confidence.append(float(solid[part - 1]))
            # More than labels can tell apart are refused by how many confidences there are.
            target[inside & (own == part)] = min(len(confidence), MOST_EMBRYOS)
    return Components(labels, tuple(confidence))


def _step(shape: tuple[int, ...], um_per_px: float, settings: Settings) -> int:
    """How many pixels along and across become one."""
    step = max(1, int(settings.work_um // um_per_px), math.ceil(max(shape) / _MOST_PX))
    return min(step, *shape)


def _candidates(ratio: Field, dark: Mask, px_um: float, settings: Settings) -> Parts:
    """The components that are large and solid enough, int32 (h, w): 1.., from top to bottom."""
    whole = filling.fill_dark(dark, ratio, settings.gap)
    candidates, count = ndimage.label(filling.open_by(whole, settings.opening_um / px_um))
    numbers = np.arange(1, count + 1)
    sizes = np.bincount(candidates.ravel(), minlength=count + 1)[1:]
    solid = ndimage.mean(dark, candidates, numbers) if count else np.zeros(0)
    kept = (sizes * px_um**2 >= settings.least_um2) & (solid >= settings.min_solid)
    renumbered: Parts = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(np.int32)[candidates]
    return renumbered


def _divided(rough: Parts, px_um: float, settings: Settings) -> Parts:
    """The same with those that touch told apart."""
    parts, count = np.zeros_like(rough), 0
    for place, component in _boxed(rough, 0):
        own = divide(component, settings.neck, settings.least_um2 / px_um**2)
        parts[place][component] = own[component] + count
        count += int(own.max())
    return parts


def _boxed(labels: Parts, margin: int) -> Iterator[tuple[Slices, Mask]]:
    """Each component: its box with `margin` px more on each side, and its mask in there."""
    for value, box in enumerate(ndimage.find_objects(labels), start=1):
        place = grow(box, margin, labels.shape)
        yield place, labels[place] == value


def _nearest(parts: Parts) -> Parts:
    """The number of the nearest part, everywhere."""
    if parts.max() == parts[parts > 0].min():
        return np.full_like(parts, parts.max())
    indices = ndimage.distance_transform_edt(parts == 0, return_distances=False, return_indices=True)
    nearest: Parts = parts[tuple(indices)]
    return nearest


def _enlarged(labels: Labels, place: Slices, signed: Field, parts: Parts, step: int) -> tuple[Labels, Mask, Parts]:
    """What the reduced frame has at a `place`, in the pixels of the frame of `labels`, uint8 (H, W).

    The part of the labels (a view), where `signed` is negative between its pixels, and whose part each pixel is.
    """
    spans = [
        slice(side.start * step, size if side.stop == size // step else side.stop * step)
        for side, size in zip(place, labels.shape, strict=True)
    ]
    rows, columns = (np.arange(span.stop - span.start) for span in spans)
    inside: Mask = _between(_between(signed, rows, step).T, columns, step).T < 0
    height, width = signed.shape
    own = parts[np.ix_(np.minimum(rows // step, height - 1), np.minimum(columns // step, width - 1))]
    return labels[spans[0], spans[1]], inside, own


def _between(values: Field, pixels: NDArray[np.int64], step: int) -> Field:
    """Rows of large pixels, (h, w), at the middles of rows of the frame's `pixels`, by linear interpolation."""
    if step == 1:
        return values
    at = np.clip((pixels + 0.5) / step - 0.5, 0, len(values) - 1)
    low = at.astype(np.int64)
    share = (at - low).astype(np.float32)[:, None]
    below: Field = values[low]
    return below + share * (values[np.minimum(low + 1, len(values) - 1)] - below)
