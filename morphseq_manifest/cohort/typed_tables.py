"""The typed copy of a cohort table, in Parquet: every column has its type, and a blank cell is null. Needs pyarrow.

The CSV is the record; this is made of the same lines, an experiment a row group. The same lines give the same bytes.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from morphseq_manifest.base.arrow_memory import own_copy
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.columns import Dtype, Source
from morphseq_manifest.cohort.row_keys import KEY

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIX = ".parquet"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FLAGS = {"True": True, "False": False, "1": True, "0": False}


def schema(names: Sequence[str]) -> "pa.Schema":
    """The types of these columns: string, int64, float64, float32 and bool, all of which may be null."""
    import pyarrow as pa

    types = {
        Dtype.TEXT: pa.string(),
        Dtype.INTEGER: pa.int64(),
        Dtype.FLOAT: pa.float64(),
        Dtype.SINGLE: pa.float32(),
        Dtype.FLAG: pa.bool_(),
    }
    return pa.schema([(name, types[columns.dtype_of(name)]) for name in names])


def typed(lines: bytes, names: Sequence[str], name: str) -> "pa.Table":
    """The lines of a CSV table (no header) with the columns `names`, typed; `name` is for messages.

    Raises ContentError naming row and column of a cell that is not of its column's type, and for a line with other
    columns.
    """
    import pyarrow as pa

    types = schema(names)
    if not lines:
        return types.empty_table()
    try:
        table = _read(lines, types)
    except pa.ArrowInvalid:
        table = None  # a cell is written in a less usual way, or wrong
    if table is None or not _is_finite(table):
        table = _converted(lines, types, name)
    return table.combine_chunks()


@contextmanager
def writing(path: Path, names: Sequence[str]) -> "Iterator[Callable[[pa.Table], None]]":
    """Write a Parquet file of typed tables with the columns `names`, each a row group, in this block."""
    from pyarrow import parquet

    types = schema(names)
    texts = [name for name in names if columns.dtype_of(name) is Dtype.TEXT]
    with parquet.ParquetWriter(
        path, types, version="2.6", compression="zstd", compression_level=1, use_dictionary=texts
    ) as writer:

        def write(table: "pa.Table") -> None:
            if len(table):
                writer.write_table(table, row_group_size=len(table))

        yield write


def frame(table: "pa.Table") -> "pd.DataFrame":
    """A typed table as a DataFrame: string, Int64, Float64, Float32 and boolean columns, a blank cell pandas.NA."""
    import pandas as pd
    import pyarrow as pa

    types = {
        pa.string(): pd.StringDtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.float32(): pd.Float32Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    found: pd.DataFrame = table.to_pandas(types_mapper=types.get)
    return found


def _read(lines: bytes, types: "pa.Schema") -> "pa.Table":
    from pyarrow import csv

    return csv.read_csv(
        own_copy(lines),
        read_options=csv.ReadOptions(column_names=types.names),
        convert_options=csv.ConvertOptions(
            column_types=types, strings_can_be_null=True, null_values=[""], true_values=["True"], false_values=["False"]
        ),
    )


def _is_finite(table: "pa.Table") -> bool:
    import pyarrow as pa
    from pyarrow import compute

    numbers = (column for column in table.columns if pa.types.is_floating(column.type))
    return all(compute.all(compute.is_finite(column)).as_py() is not False for column in numbers)


def _converted(lines: bytes, types: "pa.Schema", name: str) -> "pa.Table":
    """The same, cell by cell, as the stages take them: spaces around a number, `nan` for a blank, 7.0 for 7."""
    import pyarrow as pa

    try:
        text = _read(lines, pa.schema([(column, pa.string()) for column in types.names]))
    except pa.ArrowInvalid as error:
        raise ContentError(
            f"{name}: not a table of {len(types.names)} columns: {error}. Run its stage again"
        ) from error
    arrays = []
    for field in types:
        cells, dtype = text[field.name].to_pylist(), columns.dtype_of(field.name)
        values = cells if dtype is Dtype.TEXT else [None if cell is None else _value(cell, dtype) for cell in cells]
        wrong = next((row for row, value in enumerate(values) if value is _WRONG), None)
        if wrong is not None:
            row = text[KEY[-1]][wrong] if KEY[-1] in text.column_names else wrong + 1
            raise ContentError(
                f"{name}, row {row}: {field.name} is {cells[wrong]!r}, expected {_EXPECTED[dtype]}. {_cure(field.name)}"
            )
        arrays.append(pa.array(values, field.type))
    return pa.table(arrays, schema=types)


def _cure(name: str) -> str:
    source = next((column.source for column in columns.COLUMNS if column.name == name), Source.LATENTS)
    return "Correct it in the plate table" if source is Source.PLATE else f"Run {source} again"


_WRONG = object()
_EXPECTED = {
    Dtype.INTEGER: "a whole number",
    Dtype.FLOAT: "a number",
    Dtype.SINGLE: "a number",
    Dtype.FLAG: "True or False",
}


def _value(cell: str, dtype: Dtype) -> object:
    """What a cell says; None if that is nothing, _WRONG if it is not of this type."""
    cell = cell.strip()
    if dtype is Dtype.FLAG:
        return _FLAGS.get(cell, _WRONG)
    if not cell or cell.lower() == "nan":
        return None
    value = float(cell) if _NUMBER.fullmatch(cell) else math.inf
    if math.isinf(value) or (dtype is Dtype.INTEGER and (value != math.floor(value) or abs(value) >= 1 << 63)):
        return _WRONG
    return int(value) if dtype is Dtype.INTEGER else value
