"""What a stage will take: as others of its group took, of those that had about as much to do.

What it takes is modelled as a + b * amount by a robust line through the nearest records, so that a machine that was
busy for once, or a stage that kept most of what was there, changes little. If there are too few, it is their median.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import combinations
from statistics import median

import msgspec

from morphseq_manifest.tracker.run.history import Amount, Took

# How many of the nearest records a line goes through, and with how many different amounts it can be one.
_NEAREST = 15
_FEWEST = 3
# Of one stage that had the same to do, so many of the latest count, and they tell more than any other.
_LATEST = 3
_SAME = 0.02

Point = tuple[float, float]
Measure = Callable[[Amount], float]
_MEASURES: tuple[Measure, ...] = (lambda amount: float(amount.bytes), lambda amount: float(amount.files))


class Expected(msgspec.Struct, frozen=True):
    """What a stage is expected to take: as `Took` has it. `memory` is the most that any of its group has taken."""

    seconds: float
    cpu: float | None
    gpu: float | None
    memory: int | None
    made: list[Amount]

    @property
    def written(self) -> int:
        """The bytes of all that it makes."""
        return sum(amount.bytes for amount in self.made)


class Predictor:
    """Tells what stages will take from records of earlier ones, the latest last."""

    def __init__(self, records: Iterable[Took]) -> None:
        self._groups: dict[str, list[Took]] = {}
        for took in records:
            self._groups.setdefault(took.group, []).append(took)
        self._known: dict[tuple[str, int, bool, bool], _Alike] = {}

    def expect(
        self, stage: str, group: str, read: Amount, outs: int, *, again: bool = False, on_gpu: bool = False
    ) -> Expected | None:
        """What a stage of a group that reads so much and has so many outputs will take; None if nothing is known.

        `again`: it will find what it made before. `on_gpu`: it will be given a GPU.
        """
        key = group, outs, again, on_gpu
        if key not in self._known:
            records = [took for took in self._groups.get(group, ()) if len(took.made) == outs]
            records = _preferred(records, lambda took: took.again == again)
            self._known[key] = _Alike(_preferred(records, lambda took: (took.gpu is not None) == on_gpu))
        return self._known[key].expect(stage, read)


def _preferred(records: list[Took], is_fit: Callable[[Took], bool]) -> list[Took]:
    """The records that fit, or all if none does."""
    return [took for took in records if is_fit(took)] or records


class _Alike:
    """Records of one group, made under like conditions."""

    def __init__(self, records: list[Took]) -> None:
        self._records = records
        self._measure = min(_MEASURES, key=partial(_error, records)) if records else _MEASURES[0]
        self._sorted = sorted(records, key=lambda took: self._measure(took.read))
        self._amounts = [self._measure(took.read) for took in self._sorted]
        self._memory = max((took.memory for took in records if took.memory is not None), default=None)
        self._of_stage: dict[str, list[Took]] = {}
        for took in records:
            self._of_stage.setdefault(took.stage, []).append(took)

    def expect(self, stage: str, read: Amount) -> Expected | None:
        """What a stage that reads so much will take."""
        if not self._records:
            return None
        amount = self._measure(read)
        own = [took for took in self._of_stage.get(stage, ()) if _is_same(took.read, read)]
        near = own[-_LATEST:] or self._nearest(amount)
        made = [self._made(near, amount, number) for number in range(len(near[0].made))]
        seconds = self._value(near, amount, lambda took: took.seconds) or 0.0
        cpu = self._value(near, amount, lambda took: took.cpu)
        gpu = self._value(near, amount, lambda took: took.gpu)
        return Expected(seconds, cpu, gpu, self._memory, made)

    def _made(self, near: list[Took], amount: float, number: int) -> Amount:
        """How much will be in one of the outputs."""
        files = self._value(near, amount, lambda took: took.made[number].files)
        size = self._value(near, amount, lambda took: took.made[number].bytes)
        return Amount(round(files or 0), round(size or 0))

    def _nearest(self, amount: float) -> list[Took]:
        """The records with the nearest amounts."""
        middle = bisect_left(self._amounts, amount)
        around = self._sorted[max(middle - _NEAREST, 0) : middle + _NEAREST]
        return sorted(around, key=lambda took: abs(self._measure(took.read) - amount))[:_NEAREST]

    def _value(self, near: list[Took], amount: float, get: Callable[[Took], float | None]) -> float | None:
        """What `get` takes of a record, for this amount; None if it is not known of any."""
        points = [(self._measure(took.read), y) for took in near if (y := get(took)) is not None]
        return predict(points, amount) if points else None


def _is_same(one: Amount, other: Amount) -> bool:
    return abs(one.bytes - other.bytes) <= _SAME * other.bytes and abs(one.files - other.files) <= _SAME * other.files


def _error(records: Sequence[Took], measure: Measure) -> float:
    """How far seconds are from a line by this measure, in the median: of the latest records."""
    points = [(measure(took.read), took.seconds) for took in records[-2 * _NEAREST :]]
    a, b = line(points)
    return median(abs(y - a - b * x) for x, y in points)


def predict(points: Sequence[Point], x: float) -> float:
    """The value at `x` by the line through the points, never below 0; outside of them, at most in proportion to x.

    A line through few points that are close together may be steep by chance, and is not followed far.
    """
    a, b = line(points)
    amounts = [amount for amount, _ in points]
    edge = min(max(x, min(amounts)), max(amounts))
    value = max(a + b * edge, 0.0)
    if x == edge or not edge:
        return max(a + b * x, 0.0)
    return max(a + b * x, value * x / edge) if x < edge else min(a + b * x, value * x / edge)


def line(points: Sequence[Point]) -> Point:
    """The robust line a + b * x through points: a and b, which is not negative (Theil and Sen).

    b is the median of the slopes between any two points, a that of what is left. Of points of too few different x, a is
    their median, and b is 0.
    """
    a, b = median(y for _, y in points), 0.0
    if len({x for x, _ in points}) < _FEWEST:
        return a, b
    b = median((y - v) / (x - u) for (u, v), (x, y) in combinations(points, 2) if x != u)
    return (median(y - b * x for x, y in points), b) if b > 0 else (a, 0.0)
