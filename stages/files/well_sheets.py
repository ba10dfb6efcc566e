"""What a sheet of a plate's workbook says of wells: a plate's grid of one variable, or a row a well."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.ids import is_well
from stages.files.workbooks import Cell, Kind, Sheet

_WELL = "well"
_LETTERS, _NUMBERS = list("ABCDEFGH"), [str(number) for number in range(1, 13)]
_A_LETTER, _A_NUMBER = re.compile(r"[A-Z]"), re.compile(r"\d{1,2}")


class Said(NamedTuple):
    """What a sheet says of one variable, under the `title` that it has there: a cell a well."""

    title: str
    cells: dict[str, Cell]


class Reading(NamedTuple):
    """What a sheet says of wells, and how many of its cells hold something that is none of this."""

    said: list[Said]
    unread: int


def read(sheet: Sheet, where: str) -> Reading | None:
    """What a sheet says of wells; None if it has neither a plate's grid nor a column `well`.

    `where` is for messages. Raises ContentError naming the cell of what is ambiguous: two grids, wells that no plate
    has, a well twice, values without a well.
    """
    corners = sorted(_corners(sheet))
    headers = [place for place in sorted(sheet.cells) if _text(sheet, place).lower() == _WELL and place not in corners]
    if len(corners) > 1 or (corners and headers):
        there = " and ".join(_name(place) for place in [*corners, *headers][:2])
        raise ContentError(f"{where}: two tables of wells, at {there}. Give each a sheet of its own")
    if corners:
        return _grid(sheet, corners[0], where)
    return _table(sheet, headers[0], where) if headers else None


def _text(sheet: Sheet, place: tuple[int, int]) -> str:
    cell = sheet.cells.get(place)
    return cell.text if cell else ""


def _name(place: tuple[int, int]) -> str:
    """A place as Excel calls it."""
    from openpyxl.utils import get_column_letter

    return f"{get_column_letter(place[1])}{place[0]}"


def _corners(sheet: Sheet) -> Iterator[tuple[int, int]]:
    """Where a row 1, 2, .. and a column A, B, .. begin that label a plate."""
    for row, column in sheet.cells:
        down = [_text(sheet, (row + step, column)).upper() for step in (0, 1)]
        right = [_text(sheet, (row - 1, column + step)).lstrip("0") for step in (1, 2)]
        if down == _LETTERS[:2] and right == _NUMBERS[:2]:
            yield row - 1, column


def _grid(sheet: Sheet, corner: tuple[int, int], where: str) -> Reading:
    """The plate whose labels begin below and to the right of `corner`; its variable is the sheet's name."""
    top, left = corner
    letters = _labels(sheet, [(top + 1 + step, left) for step in range(27)], _LETTERS, _A_LETTER, where)
    numbers = _labels(sheet, [(top, left + 1 + step) for step in range(101)], _NUMBERS, _A_NUMBER, where)
    cells = {
        f"{letter}{int(number):02d}": cell
        for row, letter in enumerate(letters, start=top + 1)
        for column, number in enumerate(numbers, start=left + 1)
        if (cell := sheet.cells.get((row, column)))
    }
    known = len(letters) + len(numbers) + len(cells) + (corner in sheet.cells)
    return Reading([Said(sheet.name, cells)], len(sheet.cells) - known)


def _labels(
    sheet: Sheet, places: list[tuple[int, int]], expected: list[str], form: re.Pattern[str], where: str
) -> list[str]:
    """The labels at `places` up to the first that is none.

    Raises ContentError if one is not the next of `expected`, or if the next one stands beyond a gap.
    """
    labels: list[str] = []
    for place in places:
        text = _label(sheet, place)
        if not form.fullmatch(text):
            break
        if [*labels, text] != expected[: len(labels) + 1]:
            last = f"{expected[len(labels)]}" if len(labels) < len(expected) else f"nothing after {expected[-1]}"
            raise ContentError(
                f"{where}, cell {_name(place)}: labelled {text!r}, expected {last}: a plate has the wells A01 to H12, "
                "in order. Correct it"
            )
        labels.append(text)
    after, following = places[len(labels) :], expected[len(labels) :][:1]
    if beyond := next((place for place in after if [_label(sheet, place)] == following), None):
        raise ContentError(
            f"{where}, cell {_name(beyond)}: labelled {following[0]!r}, expected at {_name(after[0])}, right after "
            f"{labels[-1]!r}. Remove what is between them"
        )
    return labels


def _label(sheet: Sheet, place: tuple[int, int]) -> str:
    return _text(sheet, place).upper().lstrip("0")


def _table(sheet: Sheet, header: tuple[int, int], where: str) -> Reading:
    """The rows below the line in which `well` stands at `header`, a variable a column."""
    top, left = header
    heads = {column: cell for (row, column), cell in sheet.cells.items() if row == top and column != left}
    titles = {column: _title(cell, where) for column, cell in heads.items()}
    wells = _wells(sheet, header, where)
    homeless = [place for place in sheet.cells if place[0] > top and place[0] not in wells and place[1] in titles]
    if homeless:
        raise ContentError(f"{where}, cell {_name(min(homeless))}: a value without a well in its row. Name the well")
    said = [
        Said(title, {well: cell for row, well in wells.items() if (cell := sheet.cells.get((row, column)))})
        for column, title in sorted(titles.items())
    ]
    known = 1 + len(titles) + len(wells) + sum(len(one.cells) for one in said)
    return Reading(said, len(sheet.cells) - known)


def _title(cell: Cell, where: str) -> str:
    """The name of a column. Raises ContentError for a formula without a value."""
    if cell.kind in {Kind.ERROR, Kind.UNCOMPUTED}:
        raise ContentError(
            f"{where}, cell {cell.place}: names a column, and is {cell.text!r}, expected a name. Write the name itself"
        )
    return " ".join(cell.text.split())


def _wells(sheet: Sheet, header: tuple[int, int], where: str) -> dict[int, str]:
    """The well of each row below `header`. Raises ContentError if it is not one, or is in two rows."""
    wells: dict[int, str] = {}
    for (row, column), cell in sorted(sheet.cells.items()):
        if column != header[1] or row <= header[0]:
            continue
        match = re.fullmatch(r"([A-Z])(\d{1,2})", cell.text.upper())
        well = f"{match[1]}{int(match[2]):02d}" if match else cell.text
        if not is_well(well):
            raise ContentError(f"{where}, cell {_name((row, column))}: {cell.text!r} is not a well (A01 to H12)")
        if well in wells.values():
            raise ContentError(f"{where}, cell {_name((row, column))}: well {well} is duplicated. Remove one of them")
        wells[row] = well
    return wells
