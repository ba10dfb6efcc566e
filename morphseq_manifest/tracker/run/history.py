"""What the stages of earlier runs took: kept in `.dvc/tmp/morphseq/history`, a cache that is safe to delete."""

import contextlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from morphseq_manifest.base import files, shared_journal
from morphseq_manifest.tracker.dvc.lock_entries import Item

FOLDER = files.OWN / "history"
_MOST_BYTES = 2 << 20
# Of a user's records, the latest of each stage, and of all.
_OF_A_STAGE = 8
_OF_ALL = 8000

# What is read may be a stranger's: nothing is negative, or so large that it can't be reckoned with.
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 50)]


class Amount(msgspec.Struct, frozen=True, array_like=True):
    """How much there is: files, and bytes in all of them."""

    files: Count
    bytes: Count

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.files + other.files, self.bytes + other.bytes)


NOTHING = Amount(0, 0)


class Took(msgspec.Struct, frozen=True):
    """What a stage of a group took when it ran.

    `seconds` on the clock, without waiting for a place on a cluster; `cpu`: seconds of processors; `gpu`: seconds times
    the GPUs that it was given, None without; `memory`: bytes, of the largest of its processes. `read`: its
    dependencies; `made`: its outputs, in the order of dvc.yaml. `again`: it found what it had made before, and may have
    kept some of it. None is not known.
    """

    stage: str
    group: str
    at: Seconds
    seconds: Seconds
    cpu: Seconds | None
    gpu: Seconds | None
    memory: Count | None
    read: Amount
    made: list[Amount]
    again: bool = False


def amount_of(item: Item) -> Amount:
    """How much is in a dependency or an output."""
    return Amount(1 if item.nfiles is None else item.nfiles, item.size)


def total(items: Iterable[Item]) -> Amount:
    """How much is in all of them."""
    return sum(map(amount_of, items), NOTHING)


class History:
    """Takes note of what the stages of a run take, in the project in `root`; if it can't be written, nobody minds."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._news: list[Took] = []
        with contextlib.suppress(OSError):
            shared_journal.shrink(self._folder, Took, _MOST_BYTES, _latest)

    def add(self, took: Took) -> None:
        """Add a record, which is on the disk after the next `write`."""
        self._news.append(took)

    def write(self) -> None:
        """Write what was added."""
        if self._news:
            with contextlib.suppress(OSError):
                shared_journal.append(self._folder, self._news)
            self._news = []


def read(root: Path) -> list[Took]:
    """The records of all users, as far as they can be read, the latest last."""
    return sorted(shared_journal.read(root / FOLDER, Took)[0], key=lambda took: took.at)


def _latest(records: list[Took]) -> list[Took]:
    counts: Counter[str] = Counter()
    kept = []
    for took in reversed(records):
        counts[took.stage] += 1
        if counts[took.stage] <= _OF_A_STAGE:
            kept.append(took)
    return kept[:_OF_ALL][::-1]
