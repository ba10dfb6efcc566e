"""The rows of a cohort table, by experiment: how many there are, of which embryos and wells, and their hash.

Tables of this project have a row a line (no line break within a cell), and their key columns stand first, unquoted.
So a table is read here as lines of bytes: what is hashed is what is there, and no digit can change.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import xxhash

from morphseq_manifest.errors import ContentError, UnreadableError

KEY = ("experiment_date", "well", "embryo_id", "snip_id")
_HEADER = ",".join(KEY).encode()


class RowCount:
    """The rows of one experiment, counted and hashed as they are added."""

    def __init__(self) -> None:
        self.rows = 0
        self.embryos: set[bytes] = set()
        self.wells: set[bytes] = set()
        self._last = b""
        self._hash = xxhash.xxh3_128()

    def add(self, line: bytes, well: bytes, embryo: bytes, snip: bytes) -> bool:
        """Add one line; returns whether its snip_id comes after all earlier ones."""
        self.rows += 1
        self.embryos.add(embryo)
        self.wells.add(well)
        self._hash.update(line)
        ascending = snip > self._last
        self._last = snip
        return ascending

    @property
    def contributed(self) -> str:
        """xxh3_128 of the lines, 32 hex digits."""
        return self._hash.hexdigest()


def check_header(line: bytes, name: str) -> list[str]:
    """The columns of a header line. Raises ContentError where the key columns don't stand first."""
    if not (line.startswith(_HEADER + b",") or line.rstrip(b"\n") == _HEADER):
        raise ContentError(f"{name}: no table of this pipeline: its columns don't begin with {', '.join(KEY)}")
    return next(csv.reader([line.decode().rstrip("\n")]))


def count(lines: Iterable[bytes], name: str) -> dict[str, RowCount]:
    """Count lines, without the header, by experiment, in the order in which the experiments come.

    Raises ContentError where a line is cut short, or snip_ids are not in order and unique within an experiment.
    """
    found: dict[bytes, RowCount] = {}
    for number, line in enumerate(lines, start=2):
        fields = line.split(b",", 4)
        if len(fields) < 4 or not line.endswith(b"\n"):
            raise ContentError(f"{name}, line {number}: cut short: {line[:60]!r}. Make the table again")
        experiment, well, embryo, snip = fields[:4]
        if experiment not in found:
            found[experiment] = RowCount()
        if not found[experiment].add(line, well, embryo, snip.rstrip(b"\n")):
            raise ContentError(
                f"{name}, line {number}: snip_id {snip.decode(errors='replace')} stands there twice or out of order. "
                "Make the table again"
            )
    return {experiment.decode(): rows for experiment, rows in found.items()}


def count_table(path: Path) -> tuple[list[str], dict[str, RowCount]]:
    """The columns of a table file and its rows by experiment. Raises as `count` does, UnreadableError if it is gone."""
    try:
        with path.open("rb") as file:
            return _count_file(file, str(path))
    except OSError as error:
        raise UnreadableError(
            f"{path}: can't be read ({error.strerror}). `dvc checkout {path}` brings it back"
        ) from error


def _count_file(file: BinaryIO, name: str) -> tuple[list[str], dict[str, RowCount]]:
    return check_header(file.readline(), name), count(file, name)
