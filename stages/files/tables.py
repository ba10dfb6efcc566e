"""Tables: read as text so that no digit changes, numbers parsed where needed, written in one fixed format."""

import re
from collections.abc import Iterable
from csv import reader as header_reader
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.small_files import check_regular
from morphseq_manifest.cohort.columns import Dtype

TRUE, FALSE, EMPTY = "True", "False", ""
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = {
    ",": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"),
    ".": re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+"),
}


def read_text(path: Path) -> pd.DataFrame:
    """Read a CSV with every cell as text, blanks as empty strings.

    Raises UnreadableError if there is no such file, ContentError if it is not a UTF-8 table or holds a line
    break within a cell (the pipeline's tables are one row a line).
    """
    try:
        check_regular(path.stat())
        with path.open("rb") as file:
            _check_header(file.readline().decode("utf-8-sig"), path)
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8-sig", skip_blank_lines=False
        )
    except OSError as error:
        raise files.unreadable(path, error, "Put the table there") from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ContentError(
            f"{path}: not a table in UTF-8 with commas: {str(error).strip()}. Save it as CSV UTF-8"
        ) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas would take the first cells for names of the rows
        raise ContentError(f"{path}: a row has more cells than the first one has columns. Remove the commas too many")
    table = _without_blank(table)
    for name in table.columns:
        broken = table.index[table[name].str.contains("[\r\n]", regex=True)]
        if len(broken):
            raise ContentError(f"{path}: a cell of column {name!r} holds a line break. Remove it")
    return table


def _check_header(line: str, path: Path) -> None:
    """Raise ContentError if the first line is not one of columns with different names, separated by commas."""
    names = next(header_reader([line.rstrip("\r\n")]), [])
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) < 1 + line.count(separator) and separator not in "".join(names[1:]):
            raise ContentError(f"{path}: its columns are separated by {called}. Save it as CSV with commas")
    twice = next((name for number, name in enumerate(names) if name and name in names[:number]), None)
    if twice is not None:
        raise ContentError(f"{path}: column {twice!r} stands there twice. Remove or rename one of them")


def _without_blank(table: pd.DataFrame) -> pd.DataFrame:
    """The table without rows and nameless columns in which nothing stands; the others keep their number."""
    nameless = [name for name in table.columns if name.startswith("Unnamed: ") and not table[name].any()]
    table = table.drop(columns=nameless)
    may_be = table.index[table.iloc[:, 0].fillna("") == ""] if len(table.columns) else table.index
    blank = [row for row in may_be if not any(cell for cell in table.loc[row].fillna(""))]
    return table.drop(index=blank) if blank else table


def require(table: pd.DataFrame, columns: Iterable[str], source: Path | str) -> None:
    """Raise ContentError naming the columns that `table`, read from `source`, lacks."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ContentError(f"{source}: lacks the column(s) {', '.join(map(repr, missing))}. Add them to the table")


def row_of(table: pd.DataFrame, place: int) -> int:
    """The line of the file in which the row at this place stands, as an editor counts."""
    return int(table.index[place]) + 2


def numbers(table: pd.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    """A text column as float64, blank as NaN. Raises ContentError naming the row of what is not a finite number."""
    text = table[column].str.strip()
    values = pd.to_numeric(text, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(np.isnan(values) & (text != "").to_numpy() & (text.str.lower() != "nan").to_numpy())
    if len(wrong):
        found = text.iloc[wrong[0]]
        raise ContentError(f"{path}, row {row_of(table, wrong[0])}: {column} is {found!r}, not a number. {cure(found)}")
    if len(endless := np.flatnonzero(np.isinf(values))):
        found, row = text.iloc[endless[0]], row_of(table, endless[0])
        raise ContentError(f"{path}, row {row}: {column} is {found!r}, which is no number here. Correct it")
    return values


def cure(found: str) -> str:
    """What to do about a text that is not a number."""
    ways = [found.replace(mark, "").replace(",", ".") for mark, form in _THOUSANDS.items() if form.fullmatch(found)]
    ways += [found.replace(",", ".")] if _DECIMAL_COMMA.fullmatch(found) else []
    return f"Write {' or '.join(ways)}" if ways else "Correct it"


def flags(table: pd.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    """A text column of flags as float64: 1 true, 0 false, NaN unknown (blank). Raises ContentError for other text."""
    values = table[column].map({TRUE: 1.0, FALSE: 0.0, EMPTY: np.nan, "1": 1.0, "0": 0.0})
    wrong = np.flatnonzero(values.isna() & (table[column] != EMPTY))
    if len(wrong):
        found = table[column].iloc[wrong[0]]
        raise ContentError(f"{path}, row {row_of(table, wrong[0])}: {column} is {found!r}, not a flag")
    return np.asarray(values, np.float64)


def format_numbers(values: NDArray[np.floating]) -> list[str]:
    """Numbers as text: 12 digits for float64, 9 for float32 (which brings float32 back whole); NaN is blank."""
    form = "%.9g" if values.dtype == np.float32 else "%.12g"
    return [EMPTY if value != value else form % value for value in values.tolist()]


def format_flags(values: NDArray[np.floating]) -> list[str]:
    """Flags as text: 1 is True, 0 is False, NaN (unknown) is blank."""
    return [EMPTY if value != value else TRUE if value else FALSE for value in values.tolist()]


def format_column(values: NDArray[np.floating], dtype: Dtype) -> list[str]:
    """A column of numbers or flags as text, by its type in cohort.columns."""
    return format_flags(values) if dtype is Dtype.FLAG else format_numbers(values)


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Every column in its one written form: floats by `format_numbers`, bools as True and False, the rest by str."""
    columns = {}
    for name in table.columns:
        column = table[name]
        if column.dtype.kind == "f":
            columns[name] = format_numbers(column.to_numpy())
        else:
            columns[name] = [str(value) for value in column.tolist()]
    return pd.DataFrame(columns, index=table.index, dtype=str)


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV in one step: UTF-8, LF, no index, each column in its one written form."""
    with files.replacing(path) as temporary:
        as_text(table).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
