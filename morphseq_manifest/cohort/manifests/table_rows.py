"""The rows of a cohort table, by experiment: how many there are, of which embryos and wells, and their hash.

Tables of this project have a row a line (no line break within a cell), and their key columns stand first, unquoted.
So a table is read here as lines of bytes: what is hashed is what is there, and no digit can change.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import xxhash

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.small_files import check_regular
from morphseq_manifest.cohort.row_keys import KEY

_HEADER = ",".join(KEY).encode()


class RowCount:
    """The rows of one experiment: how many, the embryos and wells in them, and the hash of their lines so far."""

    def __init__(self) -> None:
        self.rows = 0
        self.embryos: set[bytes] = set()
        self.wells: set[bytes] = set()
        self.last = b""
        self.hash = xxhash.xxh3_128()

    @property
    def contributed(self) -> str:
        """xxh3_128 of the lines, 32 hex digits."""
        return self.hash.hexdigest()


def check_header(line: bytes, name: str) -> list[str]:
    """The columns of a header line. Raises ContentError if it is none, or the keys don't stand first."""
    if not (line.startswith(_HEADER + b",") or line.rstrip(b"\n") == _HEADER):
        raise ContentError(f"{name}: not a table of this pipeline: its columns don't begin with {', '.join(KEY)}")
    try:
        return next(csv.reader([line.decode().rstrip("\n")]))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ContentError(f"{name}: its first line is no list of columns: {error}") from error


def lacking(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The columns that some experiments' tables lack, in the order in which they first come, with those experiments."""
    every = dict.fromkeys(name for names in columns.values() for name in names)
    without = {name: [experiment for experiment, names in columns.items() if name not in names] for name in every}
    return {name: experiments for name, experiments in without.items() if experiments}


class Counted(NamedTuple):
    """A table's columns, its rows by experiment in the order in which these come, and what is wrong with its lines."""

    columns: list[str]
    experiments: dict[str, RowCount]
    faults: list[str]

    def checked(self, name: str, remedy: str) -> "Counted":
        """This, if nothing is wrong. Raises ContentError saying what is first."""
        if self.faults:
            raise ContentError(f"{name}: {self.faults[0]}. {remedy}")
        return self


class RowCounter:
    """Counts a table's lines, without the header, by experiment: what is there so far.

    Faults are lines that are cut short, and snip_ids that stand twice or out of order; the first of a kind is named.
    """

    def __init__(self) -> None:
        self._found: dict[bytes, RowCount] = {}
        self._faults: dict[str, str] = {}
        self._number = 1

    def add(self, lines: Iterable[bytes]) -> None:
        """Count the next lines."""
        present, rows, number = b"", RowCount(), self._number
        # A table has 700,000 lines: the loop does per line only what it must.
        for number, line in enumerate(lines, start=self._number + 1):
            fields = line.split(b",", 4)
            if len(fields) < 4 or line[-1:] != b"\n":
                self._faults.setdefault("cut", f"line {number} is cut short: {line[:60].decode(errors='replace')!r}")
                continue
            experiment, well, embryo, snip = fields[:4]
            if experiment != present:
                present, rows = experiment, self._found.setdefault(experiment, RowCount())
            if snip <= rows.last:
                name = snip.decode(errors="replace").strip()
                self._faults.setdefault("order", f"line {number}: snip_id {name} is duplicated or out of order")
            rows.last = snip
            rows.rows += 1
            rows.embryos.add(embryo)
            rows.wells.add(well)
            rows.hash.update(line)
        self._number = number

    def add_block(self, experiment: bytes, rows: RowCount) -> None:
        """Count the next lines as these `rows`, all that has been seen of the experiment so far."""
        assert experiment not in self._found
        self._found[experiment] = rows
        self._number += rows.rows

    def counted(self, columns: list[str]) -> Counted:
        """All that was counted of a table with these columns."""
        found = {key.decode(errors="replace"): rows for key, rows in self._found.items()}
        return Counted(columns, found, list(self._faults.values()))


def count(lines: Iterable[bytes], columns: list[str]) -> Counted:
    """Count a table's lines, without the header, by experiment."""
    counter = RowCounter()
    counter.add(lines)
    return counter.counted(columns)


def count_table(path: Path) -> Counted:
    """Count a table file, line by line. Raises UnreadableError if it is gone, ContentError if it is no such table."""
    with opened(path) as file:
        return count(file, check_header(file.readline(), str(path)))


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A table file, open for reading in this block. Raises UnreadableError if it can't be read."""
    try:
        check_regular(path.stat())
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise files.unreadable(path, error, f"`dvc checkout {path}` brings it back") from error
