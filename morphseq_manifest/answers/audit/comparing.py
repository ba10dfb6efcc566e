"""How what a stage made again compares with what is recorded: to the byte, or else, of tables, column by column."""

import csv
import itertools
import math
from pathlib import Path

import msgspec

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.outcomes import Outcome

# What is made of a table, and so differs with it: its typed copy, and the manifest with its hash.
_FOLLOWING = {".parquet", ".json"}


class Likeness(Outcome):
    """How like what was recorded it is."""

    SAME = "same", "the same to the byte", "green"
    NEAR = "near", "the same within the tolerance", "yellow"
    OTHER = "other", "something else", "red"


class Compared(msgspec.Struct, frozen=True):
    """An output: how like it is, and in which columns by what share at most, or in what else it differs."""

    likeness: Likeness
    columns: dict[str, float] = {}
    what: str = ""


def table(recorded: Path, made: Path, tolerance: float) -> Compared:
    """Compare two tables that differ: numbers may by a share, the `tolerance`; all else must be the same."""
    largest: dict[str, float] = {}
    try:
        with recorded.open(newline="") as one, made.open(newline="") as other:
            old, new = csv.reader(one), csv.reader(other)
            names = next(old, [])
            if names != next(new, []):
                return Compared(Likeness.OTHER, what="other columns")
            for number, (before, after) in enumerate(itertools.zip_longest(old, new), start=2):
                if before is None or after is None or len(before) != len(after):
                    return Compared(Likeness.OTHER, what=f"other rows, from line {number} on")
                for name, *cells in zip(names, before, after, strict=False):
                    if cells[0] != cells[1]:
                        largest[name] = max(largest.get(name, 0.0), _share(*cells))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ContentError(f"{made}: not a table: {error}") from error
    is_near = all(share <= tolerance for share in largest.values())
    return Compared(Likeness.NEAR if is_near else Likeness.OTHER, dict(sorted(largest.items())))


def _share(old: str, new: str) -> float:
    """By what share of the larger two numbers differ; infinity for what are no numbers."""
    try:
        pair = float(old), float(new)
    except ValueError:
        return math.inf
    most = max(map(abs, pair))
    share = abs(pair[0] - pair[1]) / most if most else 0.0
    return share if math.isfinite(share) else math.inf


def followed(outs: dict[str, Compared]) -> dict[str, Compared]:
    """The outputs of a stage, where what only follows from tables that are near counts as near."""
    tables = [one for path, one in outs.items() if path.endswith(".csv")]
    near = any(one.likeness == Likeness.NEAR for one in tables)
    if not near or any(one.likeness == Likeness.OTHER for one in tables):
        return outs
    return {
        path: Compared(Likeness.NEAR, what="follows from the table")
        if one.likeness == Likeness.OTHER and Path(path).suffix in _FOLLOWING
        else one
        for path, one in outs.items()
    }
