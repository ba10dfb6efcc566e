"""Tracking: embryos keep their pixel values over a well's frames."""

import numpy as np
from scipy import ndimage, optimize

from stages.imaging.arrays import Labels, Mask


class Tracker:
    """Gives the components of a well's frames, seen in time order, the values of the embryos they are.

    An embryo stays in its well: each known embryo, as last seen, is paired with at most one component so that the
    overlap is greatest, distance deciding if nothing overlaps; what is left over is a new embryo. One that was
    out of sight for some frames comes back under its value.
    """

    def __init__(self) -> None:
        self._last: dict[int, Mask] = {}

    def follow(self, components: Labels) -> tuple[Labels, list[int]]:
        """Relabel one frame's components, 1..n, as their embryos; uint8 (H, W), and the value each one got."""
        masks = [components == value for value in range(1, int(components.max(initial=0)) + 1)]
        values = self._match(masks)
        out = np.zeros(components.shape, np.uint8)
        for value, mask in zip(values, masks, strict=True):
            out[mask] = value
            self._last[value] = mask
        return out, values

    def _match(self, masks: list[Mask]) -> list[int]:
        known = [value for value, mask in self._last.items() if not masks or mask.shape == masks[0].shape]
        cost = np.array([[_unlikeness(self._last[value], mask) for value in known] for mask in masks])
        cost = cost.reshape(len(masks), len(known))
        rows, columns = optimize.linear_sum_assignment(cost)
        matched = {int(row): known[int(column)] for row, column in zip(rows, columns, strict=True)}
        fresh = iter(range(max(self._last, default=0) + 1, 256))
        return [matched[row] if row in matched else next(fresh) for row in range(len(masks))]


def _unlikeness(seen: Mask, component: Mask) -> float:
    """0 for the same mask, up to 1 for touching ones, from 1 on with the distance (in diagonals) for ones apart."""
    overlap = np.count_nonzero(seen & component)
    if overlap:
        return 1 - overlap / np.count_nonzero(seen | component)
    apart = np.subtract(ndimage.center_of_mass(seen), ndimage.center_of_mass(component))
    return float(1 + np.hypot(*apart) / np.hypot(*seen.shape))
