"""What plots are made of: an axis with round ticks, and many points as one path of SVG."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_TICKS = 5
_STEPS = (1, 2, 2.5, 5, 10)
Floats = NDArray[np.floating]


class Axis(NamedTuple):
    """Where numbers lie: `least` at the pixel `start`, `most` at the pixel `end`; ticks at round numbers, in words."""

    least: float
    most: float
    start: float
    end: float
    ticks: list[tuple[float, str]]

    def at(self, values: Floats | float) -> Floats:
        """The pixels of numbers, to a tenth."""
        share = (np.asarray(values, float) - self.least) / (self.most - self.least)
        return np.round(self.start + share * (self.end - self.start), 1)


def axis(values: Iterable[float], start: float, end: float, unit: float = 1) -> Axis:
    """An axis that holds all of these finite numbers, from one tick to another; ticks are written in `unit`s."""
    numbers = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(numbers), max(numbers)
    span = (high - low) or abs(high) or 1.0
    step = _step(span / _TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    last += last == first
    ticks = [number * step for number in range(first, last + 1)]
    made = Axis(ticks[0], ticks[-1], start, end, [])
    return made._replace(ticks=[(float(made.at(tick)), f"{tick / unit:.6g}") for tick in ticks])


def _step(rough: float) -> float:
    """The least round number that is not less."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def dots(x: Floats, y: Floats) -> str:
    """A path with a dot at each place: drawn by the round ends of its lines."""
    return "".join(f"M{one:g} {other:g}h0" for one, other in zip(x.tolist(), y.tolist(), strict=True))


def crosses(x: Floats, y: Floats) -> str:
    """A path with a cross at each place."""
    places = zip(x.tolist(), y.tolist(), strict=True)
    return "".join(f"M{one - 2.5:g} {other - 2.5:g}l5 5m0-5l-5 5" for one, other in places)


def line(x: Floats, y: Floats) -> str:
    """A path from place to place."""
    return "M" + "L".join(f"{one:g} {other:g}" for one, other in zip(x.tolist(), y.tolist(), strict=True))


def thinned(count: int, most: int) -> NDArray[np.intp]:
    """Which of `count` things are drawn if there is room for `most`: evenly chosen, all if there are few."""
    return np.arange(count) if count <= most else np.arange(most) * count // most
