"""Label images: embryos as pixel values 1.., how they keep their values over time, and what is odd about them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages.files.stacks import Reader

Labels = NDArray[np.uint8]


def read_labels(pages: Mapping[int, Reader], frame: Frame, folder: Path) -> Labels:
    """The label image of one frame. Raises ContentError where there is none."""
    if frame.time_int not in pages:
        raise ContentError(f"{folder}: well {frame.well} has no labels for frame {frame.time_int}. Run sam2 again")
    labels: Labels = pages[frame.time_int]()
    return labels


def check_shape(labels: Labels, frame: Frame, shape: tuple[int, ...], folder: Path) -> None:
    """Raise ContentError where labels are not of their frame's `shape` (H, W)."""
    if labels.shape != shape:
        raise ContentError(
            f"{folder}: labels of well {frame.well}, frame {frame.time_int} are {labels.shape}, the frame is {shape}. "
            "Run sam2 again"
        )


class Tracker:
    """Gives the components of a well's frames, seen in time order, the values of the embryos they are.

    An embryo stays in its well: each known embryo, as last seen, is paired with at most one component so that the
    overlap is greatest, distance deciding where nothing overlaps; what is left over is a new embryo. One that was
    out of sight for some frames comes back under its value.
    """

    def __init__(self) -> None:
        self._last: dict[int, NDArray[np.bool_]] = {}

    def follow(self, components: Labels) -> tuple[Labels, list[int]]:
        """Relabel one frame's components, 1..n, as their embryos; uint8 (H, W), and the value each one got."""
        masks = [components == value for value in range(1, int(components.max(initial=0)) + 1)]
        values = self._match(masks)
        out = np.zeros(components.shape, np.uint8)
        for value, mask in zip(values, masks, strict=True):
            out[mask] = value
            self._last[value] = mask
        return out, values

    def _match(self, masks: list[NDArray[np.bool_]]) -> list[int]:
        known = [value for value, mask in self._last.items() if not masks or mask.shape == masks[0].shape]
        cost = np.array([[_unlikeness(self._last[value], mask) for value in known] for mask in masks])
        cost = cost.reshape(len(masks), len(known))
        rows, columns = optimize.linear_sum_assignment(cost)
        matched = {int(row): known[int(column)] for row, column in zip(rows, columns, strict=True)}
        fresh = iter(range(max(self._last, default=0) + 1, 256))
        return [matched[row] if row in matched else next(fresh) for row in range(len(masks))]


def _unlikeness(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """0 for the same mask, up to 1 for touching ones, from 1 on with the distance (in diagonals) for ones apart."""
    overlap = np.count_nonzero(one & other)
    if overlap:
        return 1 - overlap / np.count_nonzero(one | other)
    apart = np.subtract(ndimage.center_of_mass(one), ndimage.center_of_mass(other))
    return float(1 + np.hypot(*apart) / np.hypot(*one.shape))
