"""What a cohort table itself says of each experiment: rows, embryos, wells, blank cells, reasons; column by column."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from morphseq_manifest.cohort.manifests.funnel import REASONS
from morphseq_manifest.cohort.manifests.table_columns import Columns, read_columns
from morphseq_manifest.cohort.row_keys import KEY

if TYPE_CHECKING:
    import numpy as np

_EXPERIMENT, _WELL, _EMBRYO, _ = KEY


class Figures(msgspec.Struct, frozen=True):
    """Of one experiment: how many rows, embryos and wells, and how many cells of some columns are blank, by column.

    `reasons`: how many rows are not usable for each reason, and `unusable` how many are not, for whatever reason.
    """

    rows: int
    embryos: int
    wells: int
    blank: dict[str, int]
    reasons: dict[str, int] = {}
    unusable: int = 0


def read_figures(path: Path, columns: Sequence[str]) -> dict[str, Figures]:
    """The figures of a table file by experiment, with the blanks of `columns`; one it lacks is blank throughout.

    Raises UnreadableError if it can't be read, ContentError if it is not a table of this pipeline.
    """
    read = read_columns(path, [_EXPERIMENT, _WELL, _EMBRYO, REASONS, *columns], str(path))
    return _by_experiment(read, columns)


def _by_experiment(read: Columns, columns: Sequence[str]) -> dict[str, Figures]:
    import numpy as np

    experiments, names = read.coded(_EXPERIMENT)
    experiments = experiments.astype(np.int64)

    def count(cells: "np.ndarray[Any, Any]") -> list[int]:
        return list(map(int, np.bincount(cells, minlength=len(names))))

    def distinct(name: str) -> list[int]:
        codes, values = read.coded(name)
        is_there = np.array([value is not None for value in values], bool)[codes]
        pairs = np.unique(experiments[is_there] * len(values) + codes[is_there])
        return count(pairs // max(len(values), 1))

    rows, embryos, wells = count(experiments), distinct(_EMBRYO), distinct(_WELL)
    blanks = {name: count(experiments[read.blank(name)]) for name in columns}
    reasons, unusable = _reasons(read, experiments, len(names)), count(experiments[~read.blank(REASONS)])
    return {
        str(name): Figures(
            rows[n], embryos[n], wells[n], {column: found[n] for column, found in blanks.items()}, reasons[n],
            unusable[n],
        )
        for n, name in enumerate(names)
    }  # fmt: skip


def _reasons(read: Columns, experiments: "np.ndarray[Any, Any]", count: int) -> list[dict[str, int]]:
    """For each of `count` experiments, how many of its rows are not usable for each reason."""
    import numpy as np

    codes, values = read.coded(REASONS)
    pairs, numbers = np.unique(experiments * len(values) + codes, return_counts=True)
    found: list[Counter[str]] = [Counter() for _ in range(count)]
    for pair, rows in zip(pairs.tolist(), numbers.tolist(), strict=True):
        experiment, code = divmod(pair, len(values))
        for reason in (values[code] or "").split("|"):
            found[experiment][reason] += rows if reason else 0
    return [{reason: rows for reason, rows in sorted(counter.items()) if rows} for counter in found]
