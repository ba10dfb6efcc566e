"""What an audit draws: units, each a stage, or a well of a stage that makes stacks; and what a draw promises."""

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple


class Unit(NamedTuple):
    """What is made again by itself: a stage, or one well of it."""

    stage: str
    well: str = ""


def draw(units: Sequence[Unit], percent: float, seed: int) -> list[Unit]:
    """So many per cent of the units, at least one, each set of that size as likely as any other; in their order.

    The same units and seed give the same draw.
    """
    count = size(len(units), percent)
    chosen = set(Random(seed).sample(range(len(units)), count))
    return [unit for number, unit in enumerate(units) if number in chosen]


def size(total: int, percent: float) -> int:
    """How many units are drawn of so many."""
    return min(total, max(1, math.ceil(total * percent / 100))) if total else 0


def chance(total: int, drawn: int, faulty: int) -> float:
    """The probability that at least one of so many faulty units is among those drawn: of draws without putting back."""
    return 1 - math.comb(total - faulty, drawn) / math.comb(total, drawn) if total else 0.0
