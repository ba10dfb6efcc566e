"""Workbooks for tests, written by openpyxl as a lab would fill them in."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

Fill = Callable[[Worksheet], None]


def write(path: Path, sheets: Mapping[str, Fill]) -> Path:
    """A workbook with these sheets."""
    book = Workbook()
    del book["Sheet"]
    for name, fill in sheets.items():
        fill(book.create_sheet(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def grid(
    values: Mapping[str, Any],
    top: int = 1,
    left: int = 1,
    letters: str = "ABCDEFGH",
    numbers: Iterable[Any] = range(1, 13),
) -> Fill:
    """A plate's grid whose labels begin below and to the right of row `top`, column `left`; values by well."""
    wells = list(numbers)

    def fill(sheet: Worksheet) -> None:
        for row, letter in enumerate(letters, start=top + 1):
            sheet.cell(row, left, letter)
            for column, number in enumerate(wells, start=left + 1):
                sheet.cell(top, column, number)
                if (value := values.get(f"{letter}{int(number):02d}")) is not None:
                    sheet.cell(row, column, value)

    return fill


def rows(*lines: Iterable[Any], top: int = 1, left: int = 1) -> Fill:
    """Lines of cells, the first at row `top`, column `left`; None is a blank cell."""

    def fill(sheet: Worksheet) -> None:
        for row, line in enumerate(lines, start=top):
            for column, value in enumerate(line, start=left):
                if value is not None:
                    sheet.cell(row, column, value)

    return fill


def also(fill: Fill, change: Fill) -> Fill:
    """What `fill` puts into a sheet, then another change of it."""

    def both(sheet: Worksheet) -> None:
        fill(sheet)
        change(sheet)

    return both
