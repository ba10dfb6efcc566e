"""A cohort table as a DataFrame, every column with its type: from its typed copy, or else from the CSV."""

import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphseq_manifest.answers.table.rows import Table
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.base.small_files import check_regular
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort import columns, tables, typed_tables
from morphseq_manifest.cohort.columns import Dtype
from morphseq_manifest.cohort.row_keys import KEY
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker import kept_content

if TYPE_CHECKING:
    import pandas as pd


def read_table(
    table: str,
    experiments: Sequence[str] | None = None,
    root: Path | str = ".",
    check: bool = False,
    rev: str | None = None,
    columns: Sequence[str] | None = None,
) -> "pd.DataFrame":
    """df01, df02 or df03 as it is in `root`, or the rows of some experiments of it, or some columns, in its order.

    With `rev` it is the table as of that commit, from DVC's cache or its remote. Columns are string, Int64,
    Float64, Float32 or boolean, and a blank cell is missing (pandas.NA). The file must have the size that dvc.lock
    has; with `check` also the content (md5). Raises ConfigError for another name and for an experiment or column that
    the table has not, UnreadableError if the table is not there, ContentError if it is not what its stage made.
    """
    snapshot = tables.at(Path(root), rev, table)
    return read(Table(table, snapshot), snapshot, experiments, check, columns)


def read(
    found: Table,
    snapshot: CohortSnapshot,
    experiments: Sequence[str] | None = None,
    check: bool = False,
    columns: Sequence[str] | None = None,
) -> "pd.DataFrame":
    """The same of a table that has been found."""
    for name in columns or ():
        if name not in found.columns:
            raise ConfigError(f"{found.name} has no column {name!r}{suggest(name, found.columns)}")
    chosen = None if experiments is None else [experiments] if isinstance(experiments, str) else list(experiments)
    if chosen:
        chosen = found.select(chosen).chosen
    copy = _copy_of(found, snapshot)
    if copy is not None or chosen is None:  # single rows of the CSV are checked as they are read
        _check_content(snapshot, found.name, found.place if copy is None else found.typed, copy or found.path, check)
    return _of_csv(found, chosen, columns) if copy is None else _of_copy(copy, chosen, columns)


def _copy_of(table: Table, snapshot: CohortSnapshot) -> Path | None:
    """Where the content of the typed copy is; None if it is not there, or can't be read here."""
    entry = snapshot.entry(table.name)
    if entry is None or str(table.typed) not in entry.outs or find_spec("pyarrow") is None:
        return None
    path = kept_content.held(snapshot, table.name, str(table.typed))
    return path if path is not None and path.is_file() else None


def _check_content(snapshot: CohortSnapshot, stage: str, place: Path, path: Path, check: bool) -> None:
    """Raise ContentError unless a file has the size, and the md5 if `check`, that dvc.lock has of it."""
    import hashlib

    recorded = kept_content.recorded(snapshot, stage, str(place))
    try:
        size = path.stat().st_size
        check_regular(path.stat())
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, "md5").hexdigest() if check else recorded.md5
    except OSError as error:
        raise files.unreadable(path, error, f"`dvc checkout {path}` brings it back") from error
    if md5 != recorded.md5 or size != (recorded.size or size):
        raise kept_content.damaged(snapshot, stage, str(place))


def _of_copy(path: Path, experiments: list[str] | None, columns: Sequence[str] | None) -> "pd.DataFrame":
    import pyarrow as pa
    from pyarrow import compute, parquet

    key, names = compute.field(KEY[0]), pa.array(experiments or [], pa.string())
    chosen = None if experiments is None else key.isin(names)
    wanted = None if columns is None else list(columns)
    try:
        return typed_tables.frame(parquet.read_table(path, columns=wanted, filters=chosen))
    except (OSError, pa.ArrowException) as error:
        raise ContentError(f"{path}: not whole: {error}. `dvc checkout {path}` brings it back") from error


def _of_csv(table: Table, experiments: list[str] | None, wanted: Sequence[str] | None) -> "pd.DataFrame":
    import pandas as pd

    numbers = {Dtype.INTEGER: "Int64", Dtype.FLOAT: "Float64", Dtype.SINGLE: "Float32"}
    read: dict[str, Any] = {Dtype.TEXT: "string", Dtype.FLAG: "boolean", **dict.fromkeys(numbers, "float64")}
    types = {name: columns.dtype_of(name) for name in table.columns if wanted is None or name in wanted}
    source: Any = table.path
    # Later releases of pandas bring every digit back by themselves, and say that the option will go.
    exactly: dict[str, Any] = {"float_precision": "round_trip"} if pd.__version__.startswith("2.") else {}
    if experiments is not None:
        source = io.BytesIO(table.header + b"".join(table.rows(experiments)))
    try:
        frame: pd.DataFrame = pd.read_csv(
            source, dtype={name: read[dtype] for name, dtype in types.items()}, keep_default_na=False, na_values=[""],
            usecols=None if wanted is None else list(wanted), **exactly,
        )  # fmt: skip
        frame = frame.astype({name: numbers[dtype] for name, dtype in types.items() if dtype in numbers})
        return frame if wanted is None else frame[list(wanted)]
    except ValueError as error:
        raise ContentError(f"{table.path}: not a table of this pipeline: {error}. Make it again") from error
