"""A part of the campaign: kinds of fault, what they are tried on, and one attempt."""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple


class Part(NamedTuple):
    """What is tried: `rounds` says how many times each kind is in a whole campaign.

    `prepare` makes in an empty folder, once, what all attempts start from. An `attempt` gets that folder, an empty one
    of its own, the kind, the number of the round and its chances; it returns what it found wrong, a line each.
    `hinders` says why the part can't be tried here; "" if it can. No attempt takes longer than `seconds`.
    """

    name: str
    prepare: Callable[[Path], None]
    rounds: Callable[[Path], Mapping[str, int]]
    attempt: Callable[[Path, Path, str, int, Random], list[str]]
    hinders: Callable[[], str] = str
    seconds: int = 120
