"""Tables as spreadsheets and microscopes write them: with commas, semicolons or tabs, and decimals of either kind."""

import csv
import io
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ContentError
from stages.files import cell_texts, tables
from stages.files.decoding import decode

_COMMA, _SEPARATORS = ",", ",;\t"
_CALLED = {";": "semicolons", "\t": "tabs"}
# The first line that Excel takes as a statement about the others.
_STATEMENT = re.compile(r"sep=(.)\n")
_COMMA_DECIMAL = r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?"
# With points between thousands, and as well a number with three decimals.
_MAYBE_THOUSANDS = r"[+-]?[1-9]\d{0,2}\.\d{3}"
_POINT_DECIMAL = r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?"
# How Excel shows a large number in a narrow column, and exports it: its other digits are lost.
_ROUNDED = r"[+-]?\d[.,]\d\dE[+-]\d\d\d?"


class _Row(NamedTuple):
    """One row: the line of the file in which it stands, from 1 on, and its cells."""

    line: int
    cells: list[str]


def read(path: Path, numeric: Container[str]) -> pd.DataFrame:
    """Read a table that people have exported: every cell as text without the blanks around it, blanks as "".

    Columns are separated as the first line is; rows without anything in them are left out, and the others keep their
    number for tables.row_of. If no commas separate them, decimal commas in the columns `numeric` become points.
    Raises UnreadableError if there is no such file, ContentError naming row and column of what can't be read safely.
    """
    text = decode(files.read_bytes(path, "Put the table there"), path)
    statement = _STATEMENT.match(text)
    start = statement.end() if statement else 0
    separator = statement[1] if statement else _separator(text.partition("\n")[0])
    if separator in _CALLED:
        note(f"{path}: its columns are separated by {_CALLED[separator]}")
    rows = _rows(text[start:], separator, 1 if statement else 0, path)
    header = next(rows, None)
    if header is None or not any(header.cells):
        raise ContentError(f"{path}: its first line names no columns. Put their names there")
    body = [_fitting(row, header.cells, path) for row in rows if any(row.cells)]
    if body and not text.endswith("\n") and len(body[-1].cells) < len(header.cells):
        raise ContentError(f"{path}, row {body[-1].line}: ends early, and so does the file. Export it again")
    table = _table(header, body, path)
    _check_rounded(table, numeric, path)
    return table if separator == _COMMA else _with_points(table, numeric, path)


def _separator(line: str) -> str:
    """What separates the names in the first line: that by which there are most of them; a comma if in doubt."""
    return max(_SEPARATORS, key=lambda one: len(next(csv.reader([line], delimiter=one), [])))


def _rows(text: str, separator: str, skipped: int, path: Path) -> Iterator[_Row]:
    """The rows of a text, of whose file so many lines come before it. Raises ContentError for a line break in a cell,
    and for quotes that don't fit.
    """
    reader, line = (
        csv.reader(io.StringIO(cell_texts.visible(text), newline=""), delimiter=separator, strict=True),
        1 + skipped,
    )
    try:
        for cells in reader:
            if any("\n" in cell or cell_texts.has_break(cell.strip()) for cell in cells):
                raise ContentError(f"{path}, row {line}: a cell holds a line break. Remove it")
            yield _Row(line, [cell.strip() for cell in cells])
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise ContentError(f"{path}, row {line}: {error}. Correct its quotes") from error


def _fitting(row: _Row, names: list[str], path: Path) -> _Row:
    """The row without blanks beyond the columns. Raises ContentError if anything else stands there."""
    beyond = row.cells[len(names) :]
    if any(beyond):
        found = next(cell for cell in beyond if cell)
        raise ContentError(
            f"{path}, row {row.line}: has {len(row.cells)} cells, and the first line names {len(names)} columns: "
            f"{found!r} is of none. Put what holds a separator in quotes, or name the column"
        )
    return _Row(row.line, row.cells[: len(names)])


def _table(header: _Row, body: list[_Row], path: Path) -> pd.DataFrame:
    names = header.cells
    twice = next((name for number, name in enumerate(names) if name and name in names[:number]), None)
    if twice is not None:
        raise ContentError(f"{path}: column {twice!r} stands there twice. Remove or rename one of them")
    columns = {}
    for place, name in enumerate(names):
        cells = [row.cells[place] if place < len(row.cells) else tables.EMPTY for row in body]
        if name or any(cells):
            columns[name or f"Unnamed: {place}"] = cells  # as pandas calls it, which wrote such tables
    return pd.DataFrame(columns, index=[row.line - 2 for row in body], dtype=str)


def _check_rounded(table: pd.DataFrame, numeric: Container[str], path: Path) -> None:
    for name in (name for name in table.columns if name in numeric):
        rounded = table[name].str.fullmatch(_ROUNDED).to_numpy(bool)
        if rounded.any():
            place = int(rounded.argmax())
            raise ContentError(
                f"{path}, row {tables.row_of(table, place)}: {name} is {table[name].iloc[place]!r}, as Excel shows "
                "numbers of which it leaves digits out. Give the column the format Number, and export the table again"
            )


def _with_points(table: pd.DataFrame, numeric: Container[str], path: Path) -> pd.DataFrame:
    """The table with decimal points in its columns of numbers. Raises ContentError if it has commas and points.

    Of `7.080` beside `28,5` nobody knows whether it is seven or seven thousand; nor if nothing stands beside it.
    """
    with_comma: dict[str, pd.Series] = {}
    places: dict[str, str] = {}
    for name in (name for name in table.columns if name in numeric):
        for kind, form in ((_COMMA, _COMMA_DECIMAL), (".", _POINT_DECIMAL)):
            fits = table[name].str.fullmatch(form)
            if fits.any():
                place = int(fits.to_numpy(bool).argmax())
                places.setdefault(kind, f"row {tables.row_of(table, place)}: {name} is {table[name].iloc[place]!r}")
                with_comma |= {name: fits} if kind == _COMMA else {}
    if len(places) > 1:
        raise ContentError(f"{path}, {'; '.join(places.values())}. Write all decimals with points, or all with commas")
    _check_thousands(table[[name for name in table.columns if name in numeric]], path)
    pointed = {name: table[name].mask(fits, table[name].str.replace(_COMMA, ".")) for name, fits in with_comma.items()}
    return table.assign(**pointed)


def _check_thousands(table: pd.DataFrame, path: Path) -> None:
    """Raise ContentError if all that has a point may have it between thousands: `4.096` is four, or four thousand."""
    pointed = {name: table[name][table[name].str.fullmatch(_POINT_DECIMAL)] for name in table.columns}
    pointed = {name: found for name, found in pointed.items() if len(found)}
    if not pointed or not all(found.str.fullmatch(_MAYBE_THOUSANDS).all() for found in pointed.values()):
        return  # another number, such as 28.5, has a decimal point
    name, found = next(iter(pointed.items()))
    text = found.iloc[0]
    raise ContentError(
        f"{path}, row {found.index[0] + 2}: {name} is {text!r}, and no other number tells whether that is "
        f"{text.replace('.', '')} or {text}0. Write it in one of these ways"
    )
