"""Single columns of a table, as numbers that stand for their cells: by pyarrow, or by pandas where that is lacking."""

import io
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from morphseq_manifest.base.arrow_memory import own_copy
from morphseq_manifest.base.errors import ContentError, UnreadableError

if TYPE_CHECKING:
    import numpy as np


class Columns(NamedTuple):
    """Columns of one table, by name.

    `coded` gives a column's cells as integers, one a row, and what each integer stands for (None: blank); `blank` says
    of each cell whether it is empty (bool). A column that the table lacks is blank throughout.
    """

    coded: Callable[[str], "tuple[np.ndarray[Any, Any], list[Any]]"]
    blank: Callable[[str], "np.ndarray[Any, Any]"]


def read_columns(source: Path | bytes, names: Sequence[str], name: str) -> Columns:
    """The columns `names` of a CSV table, in a file or in memory; `name` is for messages.

    Raises UnreadableError if it can't be read, ContentError if it is not a table of this pipeline.
    """
    # A light installation has no pyarrow, which reads columns several times faster.
    read = _by_pyarrow if find_spec("pyarrow") else _by_pandas
    try:
        return read(source, list(dict.fromkeys(names)))
    except OSError as error:
        raise UnreadableError(f"{name}: can't be read ({error}). `dvc checkout {name}` brings it back") from error
    except ValueError as error:
        raise ContentError(f"{name}: not a table of this pipeline: {error}") from error


def _by_pyarrow(source: Path | bytes, names: list[str]) -> Columns:
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    options = csv.ConvertOptions(
        include_columns=names, include_missing_columns=True, column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True, null_values=[""],
    )  # fmt: skip
    table = csv.read_csv(own_copy(source) if isinstance(source, bytes) else source, convert_options=options)

    def coded(name: str) -> tuple["np.ndarray[Any, Any]", list[Any]]:
        column = table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        return np.from_dlpack(column.indices), column.dictionary.to_pylist()

    def blank(name: str) -> "np.ndarray[Any, Any]":
        empty = table[name].combine_chunks().is_null()
        return np.from_dlpack(empty.cast(pa.uint8())).astype(bool)

    # pyarrow's to_numpy, group_by and scalars would import all of pandas.
    return Columns(coded, blank)


def _by_pandas(source: Path | bytes, names: list[str]) -> Columns:
    import pandas as pd

    found = pd.read_csv(
        io.BytesIO(source) if isinstance(source, bytes) else source,
        usecols=lambda name: name in names,
        dtype=str,
        keep_default_na=False,
        na_values=[""],
    )
    if not isinstance(found.index, pd.RangeIndex):
        raise ValueError("a row has more cells than the header")
    table = found.reindex(columns=names)

    def coded(name: str) -> tuple["np.ndarray[Any, Any]", list[Any]]:
        codes, values = pd.factorize(table[name], use_na_sentinel=False)
        return codes, [None if pd.isna(value) else value for value in values]

    return Columns(coded, lambda name: table[name].isna().to_numpy())
