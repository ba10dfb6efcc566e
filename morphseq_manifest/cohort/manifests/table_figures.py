"""What a cohort table itself says of each experiment: rows, embryos, wells, blank cells; read column by column."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.cohort.columns import KEY

if TYPE_CHECKING:
    import numpy as np

_EXPERIMENT, _WELL, _EMBRYO, _ = KEY


class Figures(msgspec.Struct, frozen=True):
    """Of one experiment: how many rows, embryos and wells, and how many cells of some columns are blank, by column."""

    rows: int
    embryos: int
    wells: int
    blank: dict[str, int]


def read_figures(path: Path, columns: Sequence[str]) -> dict[str, Figures]:
    """The figures of a table file by experiment, with the blanks of `columns`; one it lacks is blank throughout.

    Raises UnreadableError if it can't be read, ContentError if it is not a table of this pipeline.
    """
    # A light installation has no pyarrow, which reads columns several times faster.
    read = _by_pyarrow if find_spec("pyarrow") else _by_pandas
    try:
        return read(path, columns)
    except OSError as error:
        raise UnreadableError(f"{path}: can't be read ({error}). `dvc checkout {path}` brings it back") from error
    except ValueError as error:
        raise ContentError(f"{path}: not a table of this pipeline: {error}") from error


def _by_pyarrow(path: Path, columns: Sequence[str]) -> dict[str, Figures]:
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    names = list(dict.fromkeys([_EXPERIMENT, _WELL, _EMBRYO, *columns]))
    options = csv.ConvertOptions(
        include_columns=names, include_missing_columns=True, column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True, null_values=[""],
    )  # fmt: skip
    table = csv.read_csv(path, convert_options=options)

    def coded(name: str) -> tuple["np.ndarray[Any, Any]", list[Any]]:
        column = table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        return np.from_dlpack(column.indices), column.dictionary.to_pylist()

    def blank(name: str) -> "np.ndarray[Any, Any]":
        empty = table[name].combine_chunks().is_null()
        return np.from_dlpack(empty.cast(pa.uint8())).astype(bool)

    # pyarrow's to_numpy, group_by and scalars would import all of pandas.
    return _by_experiment(coded, blank, columns)


def _by_pandas(path: Path, columns: Sequence[str]) -> dict[str, Figures]:
    import pandas as pd

    names = list(dict.fromkeys([_EXPERIMENT, _WELL, _EMBRYO, *columns]))
    found = pd.read_csv(path, usecols=lambda name: name in names, dtype=str, keep_default_na=False, na_values=[""])
    if not isinstance(found.index, pd.RangeIndex):
        raise ValueError("a row has more cells than the header")
    table = found.reindex(columns=names)

    def coded(name: str) -> tuple["np.ndarray[Any, Any]", list[Any]]:
        codes, values = pd.factorize(table[name], use_na_sentinel=False)
        return codes, [None if pd.isna(value) else value for value in values]

    return _by_experiment(coded, lambda name: table[name].isna().to_numpy(), columns)


def _by_experiment(
    coded: Callable[[str], "tuple[np.ndarray[Any, Any], list[Any]]"],
    blank: Callable[[str], "np.ndarray[Any, Any]"],
    columns: Sequence[str],
) -> dict[str, Figures]:
    """The figures of columns: `coded` gives one's cells as numbers, and what each number stands for, None if blank.

    `blank` says of each cell of a column whether it is empty (bool).
    """
    import numpy as np

    experiments, names = coded(_EXPERIMENT)
    experiments = experiments.astype(np.int64)

    def count(cells: "np.ndarray[Any, Any]") -> list[int]:
        return list(map(int, np.bincount(cells, minlength=len(names))))

    def distinct(name: str) -> list[int]:
        codes, values = coded(name)
        is_there = np.array([value is not None for value in values], bool)[codes]
        pairs = np.unique(experiments[is_there] * len(values) + codes[is_there])
        return count(pairs // max(len(values), 1))

    rows, embryos, wells = count(experiments), distinct(_EMBRYO), distinct(_WELL)
    blanks = {name: count(experiments[blank(name)]) for name in columns}
    return {
        str(name): Figures(rows[n], embryos[n], wells[n], {column: found[n] for column, found in blanks.items()})
        for n, name in enumerate(names)
    }
