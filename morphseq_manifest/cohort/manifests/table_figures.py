"""What a cohort table itself says of each experiment: rows, embryos, wells, blank cells; read column by column."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import msgspec

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.cohort.columns import KEY

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
    import pyarrow as pa
    from pyarrow import compute, csv

    names = list(dict.fromkeys([_EXPERIMENT, _WELL, _EMBRYO, *columns]))
    options = csv.ConvertOptions(
        include_columns=names, include_missing_columns=True, column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True, null_values=[""],
    )  # fmt: skip
    table = csv.read_csv(path, convert_options=options)
    asked = [([], "count_all"), (_EMBRYO, "count_distinct"), (_WELL, "count_distinct")]
    blanks = [(name, "count", compute.CountOptions(mode="only_null")) for name in columns]
    grouped = table.group_by(_EXPERIMENT).aggregate([*asked, *blanks])
    return {
        str(row[_EXPERIMENT]): Figures(
            rows=row["count_all"],
            embryos=row[f"{_EMBRYO}_count_distinct"],
            wells=row[f"{_WELL}_count_distinct"],
            blank={name: row[f"{name}_count"] for name in columns},
        )
        for row in grouped.to_pylist()
    }


def _by_pandas(path: Path, columns: Sequence[str]) -> dict[str, Figures]:
    import pandas as pd

    names = list(dict.fromkeys([_EXPERIMENT, _WELL, _EMBRYO, *columns]))
    found = pd.read_csv(path, usecols=lambda name: name in names, dtype=str, keep_default_na=False, na_values=[""])
    if not isinstance(found.index, pd.RangeIndex):
        raise ValueError("a row has more cells than the header")
    table = found.reindex(columns=names)
    return {
        "None" if pd.isna(experiment) else str(experiment): Figures(
            rows=len(rows),
            embryos=int(rows[_EMBRYO].nunique()),
            wells=int(rows[_WELL].nunique()),
            blank={name: int(rows[name].isna().sum()) for name in columns},
        )
        for experiment, rows in table.groupby(_EXPERIMENT, dropna=False, sort=False)
    }
