"""Workbooks (.xlsx): opened only if they are harmless, and read as what stands in the cells of their sheets."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any, NamedTuple

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from stages.files import cell_texts, workbook_parts

# A plate takes some hundred kB; a small file can unpack to as much as fills the memory.
_MOST_BYTES = 64 << 20
_MOST_CELLS = 100_000
# Blank ones have a format at most. Rows are read up to their last cell, and blanks before it take time, too.
_MOST_WITH_BLANKS, _MOST_PLACES = 500_000, 20_000_000
_MOST_ROWS = 1 << 20
# Files in the container that Excel used before 2007, and uses for what a password protects.
_OLD_CONTAINER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BOOK = re.compile(r"(?:.*/)?workbook\d*\.xml")
# What stands in each part of a "Strict Open XML Spreadsheet", which openpyxl doesn't read.
_STRICT = b"purl.oclc.org/ooxml/spreadsheetml"


class Kind(Enum):
    """What a cell holds."""

    TEXT = auto()
    NUMBER = auto()
    FLAG = auto()
    DATE = auto()
    ERROR = auto()  # such as #N/A
    UNCOMPUTED = auto()  # a formula that no program has computed


class Cell(NamedTuple):
    """What stands in a cell at a place such as `B7`: as text, which is as Excel has it, and of what kind it is."""

    place: str
    text: str
    kind: Kind


class Sheet(NamedTuple):
    """One sheet: its cells that hold something by (row, column), both from 1 on; a merged cell stands in each."""

    name: str
    is_hidden: bool
    cells: dict[tuple[int, int], Cell]


def read(path: Path) -> list[Sheet]:
    """The sheets of a workbook in their order.

    Raises UnreadableError if there is no such file, ContentError naming it, and the sheet, if it is protected by a
    password, of another format, damaged, or larger than any plate's.
    """
    data = files.read_bytes(path, "Put the workbook there")
    try:
        _check(data, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of decoration that openpyxl does not know
            return list(_sheets(data, path))
    except ContentError:
        raise
    except Exception as error:  # of spoilt bytes, the parsers raise whatever they come across
        raise ContentError(
            f"{path}: not a whole workbook ({str(error) or type(error).__name__}). Save it as .xlsx again"
        ) from error


def _check(data: bytes, path: Path) -> None:
    """Raise ContentError if the file is not one that may be unpacked."""
    if data.startswith(_OLD_CONTAINER):
        if _ENCRYPTED in data:
            raise ContentError(f"{path}: protected by a password. Save it without one")
        raise ContentError(f"{path}: an Excel 97-2003 workbook under another name. Save it as .xlsx")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        if size > _MOST_BYTES:
            raise ContentError(
                f"{path}: unpacks to {size:,} bytes, expected at most {_MOST_BYTES:,}. Keep the plate's sheets only"
            )
        for part in parts:  # none unpacks to more than it says
            text = archive.read(part).replace(b"\0", b"")  # of UTF-16, too
            if b"<!DOCTYPE" in text:
                raise ContentError(f"{path}: its {part.filename} defines entities, as no workbook does")
            if _BOOK.fullmatch(part.filename) and _STRICT in text:
                raise ContentError(f"{path}: a Strict workbook. Save it as Excel Workbook (.xlsx)")


def _sheets(data: bytes, path: Path) -> Iterator[Sheet]:
    """The sheets with their cells. The file is read twice: for where there are formulas, and for what they gave."""
    from openpyxl import load_workbook

    # Read-only, openpyxl goes through the rows and makes nothing of links, pictures and ranges.
    books: list[Any] = [
        load_workbook(io.BytesIO(data), read_only=True, data_only=is_computed, keep_links=False)
        for is_computed in (False, True)
    ]
    left = _MOST_CELLS
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [archive.read(part) for part in archive.namelist() if _BOOK.fullmatch(part)]
        _check_whole(parts, books[0].sheetnames, path)
        is_computed = not any(_computes_on_load(part) for part in parts)
        for formulas, values in zip(*(book.worksheets for book in books), strict=True):
            where = f"{path}, sheet {values.title!r}"
            ranges = _merged(archive.read(values._worksheet_path), where)
            entered = {(cell.row, cell.column): cell for cell in _present(formulas, where) if cell.data_type == "f"}
            cells = ((cell.row, cell.column, _cell(cell, entered, is_computed)) for cell in _present(values, where))
            filled = {(row, column): cell for row, column, cell in cells if cell}
            _merge(filled, ranges, where)
            left -= len(filled)
            if left < 0:
                raise _too_large(where)
            yield Sheet(values.title, values.sheet_state != "visible", filled)


def _check_whole(parts: list[bytes], names: list[str], path: Path) -> None:
    """Raise ContentError if a sheet that the workbook lists is not in the file: openpyxl leaves it out."""
    listed = sum(len(workbook_parts.elements(part, "sheet")) for part in parts)
    if not names or listed > len(names):
        raise ContentError(f"{path}: not a whole workbook ({listed} sheets listed, {len(names)} there). Save it again")


def _computes_on_load(part: bytes) -> bool:
    """Whether Excel is to compute all when it opens the workbook, as one asks that has only a 0 for each formula."""
    asked = (found.get("fullCalcOnLoad") for found in workbook_parts.elements(part, "calcPr"))
    return any(text in {"1", "true"} for text in asked)


def _merged(xml: bytes, where: str) -> list[str]:
    try:
        return workbook_parts.merged(xml, _MOST_WITH_BLANKS)
    except workbook_parts.TooManyError as error:
        raise _too_large(where) from error


def _present(sheet: Any, where: str) -> Iterator[Any]:
    """The cells that a sheet has, with or without anything in them."""
    from openpyxl.cell.read_only import EMPTY_CELL

    sheet.reset_dimensions()  # what the sheet says of its size need not be so
    left = _MOST_PLACES
    for number, row in enumerate(sheet.rows, start=1):
        left -= len(row)
        if number > _MOST_ROWS or left < 0:
            raise _too_large(where)
        yield from (cell for cell in row if cell is not EMPTY_CELL)


def _too_large(where: str) -> ContentError:
    return ContentError(f"{where}: more cells than any plate's. Delete what is not the plate's")


def _cell(cell: Any, formulas: dict[tuple[int, int], Any], is_computed: bool) -> Cell | None:
    """A cell of openpyxl's; None if it is blank. Of a formula that gave no text, Excel says that it is one of text."""
    value = cell.value
    if value is None or not is_computed:
        formula = formulas.get((cell.row, cell.column)) if cell.data_type == "n" or not is_computed else None
        if formula:
            entered = getattr(formula.value, "text", formula.value)  # an array formula is an object
            return Cell(cell.coordinate, str(entered), Kind.UNCOMPUTED)
    if value is None:
        return None
    if cell.data_type == "e":
        return Cell(cell.coordinate, str(value), Kind.ERROR)
    if isinstance(value, bool):
        return Cell(cell.coordinate, str(value).upper(), Kind.FLAG)
    if isinstance(value, int | float):
        return Cell(cell.coordinate, f"{value:.15g}", Kind.NUMBER)  # all digits that Excel shows
    if isinstance(value, datetime | date | time | timedelta):
        return Cell(cell.coordinate, str(value).removesuffix(" 00:00:00"), Kind.DATE)
    return _text(cell.coordinate, str(value))


def _text(place: str, text: str) -> Cell | None:
    """A cell of text, in which `_x000D_` stands for a character that XML can't hold; None if nothing is to be seen."""
    from openpyxl.utils.escape import unescape

    shown = cell_texts.visible(unescape(text)).strip()
    if not shown:
        return None
    return Cell(place, shown, Kind.ERROR if cell_texts.is_error(shown) else Kind.TEXT)


def _merge(cells: dict[tuple[int, int], Cell], ranges: list[str], where: str) -> None:
    """Put what a merged cell shows, which is its first one, in place of all that are merged."""
    from openpyxl.utils.cell import coordinate_to_tuple

    left = _MOST_CELLS
    for merged in ranges:
        first, _, last = merged.partition(":")
        (first_row, first_column), (last_row, last_column) = (
            coordinate_to_tuple(one) for one in (first, last or first)
        )
        left -= (last_column - first_column + 1) * (last_row - first_row + 1)
        if left < 0:
            raise _too_large(where)
        shown = cells.get((first_row, first_column))
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                cells.pop((row, column), None)
                if shown:
                    cells[row, column] = shown
