"""Rows of a cohort table as CSV, Parquet or JSON: some experiments, some columns, and those that fulfil a condition."""

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from morphseq_manifest.answers.table.rows import Table
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.suggest import suggest

if TYPE_CHECKING:
    from morphseq_manifest.answers.table.conditions import Condition

SCHEMA = "morphseq/rows/1"


class Choice(NamedTuple):
    """The experiments and columns (all if None) that are wanted of a table, and the condition on its rows."""

    experiments: Sequence[str]
    columns: Sequence[str] | None = None
    where: "Condition | None" = None


def columns_of(table: Table, texts: Sequence[str]) -> list[str] | None:
    """The columns named, each text `a` or `a,b`; None if there is no text.

    Raises ConfigError for one that is not there, and if no text names any.
    """
    names = [name for text in texts for name in text.split(",") if name]
    if texts and not names:
        raise ConfigError("--columns names no column. Leave it out for all of them")
    for name in names:
        if name not in table.columns:
            raise ConfigError(f"no column {name!r} in {table.name}{suggest(name, table.columns)}")
    return list(dict.fromkeys(names)) or None


def write(table: Table, choice: Choice, form: str, out: BinaryIO, commit: str | None) -> None:
    """Write the rows as text, csv or json; `commit` is the one that the table is of, if it is of one."""
    if form == "json":
        write_json(table, choice, out, commit)
    else:
        write_csv(table, choice, out)


def write_csv(table: Table, choice: Choice, out: BinaryIO) -> None:
    """Write a header and the rows; whole rows to the byte as they stand in the table."""
    parts = itertools.chain([table.header], _lines(table, choice))
    if choice.columns is not None:
        _write_cells(parts, [table.columns.index(name) for name in choice.columns], out)
    else:
        out.writelines(parts)


def _write_cells(parts: Iterator[bytes], places: Sequence[int], out: BinaryIO) -> None:
    """Write some cells of each line, each as it stands there."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    for lines in parts:
        rows = csv.reader(io.StringIO(lines.decode(), newline=""))
        writer.writerows([cells[place] for place in places] for cells in rows)
    text.detach()


def write_parquet(table: Table, choice: Choice, path: Path) -> None:
    """Write the rows as Parquet, typed as in the table's own typed copy."""
    from morphseq_manifest.cohort import typed_tables

    names = choice.columns or table.columns
    with typed_tables.writing(path, names) as write:
        for lines in _lines(table, choice):
            write(typed_tables.typed(lines, table.columns, str(table.path)).select(names))


def write_json(table: Table, choice: Choice, out: BinaryIO, commit: str | None) -> None:
    """Write one JSON object whose `rows` are objects, a line each, a blank cell being null."""
    from morphseq_manifest.cohort import typed_tables

    names = choice.columns or table.columns
    about = msgspec.json.encode({"schema": SCHEMA, "table": table.name, "commit": commit, "columns": names})
    out.write(about[:-1] + b',"rows":[')
    start = b"\n"
    for lines in _lines(table, choice):
        for row in typed_tables.typed(lines, table.columns, str(table.path)).select(names).to_pylist():
            out.write(start + msgspec.json.encode(row))
            start = b",\n"
    out.write(b"\n]}\n")


def _lines(table: Table, choice: Choice) -> Iterator[bytes]:
    """The lines of each experiment that are wanted."""
    for lines in table.rows(choice.experiments):
        yield lines if choice.where is None else choice.where.keep(lines, str(table.path))
