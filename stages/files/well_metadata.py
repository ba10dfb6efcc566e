"""What people say of a plate's wells in its workbook, under the names of the plate table, each value checked."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.columns import Column, Dtype, Source
from stages.files import cell_texts, plate_checks, tables, titles, well_sheets, workbooks
from stages.files.well_sheets import Said
from stages.files.workbooks import Cell, Kind, Sheet

# What says which plate the workbook is of, and is no variable.
_OF_PLATE = {name: name for name in ("experiment_date", "well_id")}
_WHOLE = re.compile(r"[+-]?\d+(?:\.0*)?")


class WellMetadata(NamedTuple):
    """A row a well of which something is said, in the wells' order, and a column a variable after `well`, all as text;
    and what to tell people of the workbook.
    """

    table: pd.DataFrame
    notes: list[str]


def read(path: Path, experiment: str) -> WellMetadata:
    """What the workbook of an experiment's plate says of its wells.

    Variables have their column's name if cohort.columns has one, and come in that order; others follow as the workbook
    has them. Raises as workbooks.read and well_sheets.read do, and ContentError naming sheet and cell of a value that
    can't be, or of a variable that is in it twice or that nobody may say.
    """
    values: dict[str, dict[str, str]] = {}
    places: dict[str, str] = {}
    notes: list[str] = []
    for sheet in workbooks.read(path):
        where = f"{path}, sheet {sheet.name!r}"
        for said in _read_sheet(sheet, where, notes):
            column = _variable(said, where)
            name = column.name if column else _OF_PLATE.get(columns.plain(said.title), said.title)
            if name in places:
                raise ContentError(f"{where}: {said.title!r} is {name}, and so is {places[name]}. Keep one of them")
            places[name] = f"{said.title!r} of sheet {sheet.name!r}"
            values[name] = {well: _checked(cell, column, name, where) for well, cell in said.cells.items()}
    if not values:
        raise ContentError(f"{path}: no sheet says anything of wells: expected a plate's grid or a column `well`")
    for name in _OF_PLATE:
        _check_plate(values.pop(name, {}), name, experiment, path)
    return WellMetadata(_as_table(values), [f"{path}: {said}" for said in notes])


def _read_sheet(sheet: Sheet, where: str, notes: list[str]) -> list[Said]:
    """What a sheet says; what is not read of it is noted."""
    if sheet.is_hidden:
        notes.append(f"sheet {sheet.name!r} is hidden, and so not read")
        return []
    reading = well_sheets.read(sheet, where) if sheet.cells else None
    if reading is None:
        if sheet.cells and columns.variable(sheet.name):
            raise ContentError(
                f"{where}: neither a plate's grid (A to H by 1 to 12) nor a column `well`. Add its labels"
            )
        notes += [f"sheet {sheet.name!r} is not of wells, and so not read"] if sheet.cells else []
        return []
    if reading.unread:
        notes.append(f"sheet {sheet.name!r}: {reading.unread} cells outside of its table are not read")
    return reading.said


def _variable(said: Said, where: str) -> Column | None:
    """The column that a variable is, or None for one of the workbook's own. Raises ContentError for a forbidden one."""
    column = titles.variable(said.title, where)
    writer = columns.writer(said.title)
    if column or columns.plain(said.title) in _OF_PLATE:
        return column
    if writer == Source.PLATE:
        raise ContentError(f"{where}: {said.title!r} comes from the microscope, with the plate table. Remove it here")
    if writer:
        raise ContentError(f"{where}: {said.title!r} is one that {writer} writes. Rename it")
    titles.check_own(said.title, where)
    return None


def _checked(cell: Cell, column: Column | None, name: str, where: str) -> str:
    """The text of a value. Raises ContentError naming the cell if it can't be a value of its variable."""
    wrong = _fault(cell, column)
    if wrong:
        raise ContentError(f"{where}, cell {cell.place}: {name} is {cell.text!r}{wrong}")
    return cell.text


def _fault(cell: Cell, column: Column | None) -> str:
    """What is wrong with a value, and what to do; empty if nothing is."""
    if cell.kind is Kind.ERROR:
        return ", an error of Excel's. Correct it, or empty the cell"
    if cell.kind is Kind.UNCOMPUTED:
        return ": a formula that was never computed. Open the workbook in Excel and save it, or write the value"
    if cell_texts.has_break(cell.text):
        return ": it holds a line break. Remove it"
    if column is None:
        return ""
    if cell.kind is Kind.DATE:
        return ": Excel has taken it for a date or time. Give the cell the format Text and write it anew"
    return _fault_of_number(cell, column) if column.is_number else ""


def _fault_of_number(cell: Cell, column: Column) -> str:
    if cell.kind is Kind.FLAG:
        return ", expected a number: 1 or 0. Correct it"
    value = pd.to_numeric(cell.text, errors="coerce")
    if np.isnan(value):
        return f", not a number. {tables.cure(cell.text)}"
    if not column.least <= value <= column.most or np.isinf(value):
        return f", expected {column.limits or 'a number'}. Correct it"
    is_whole = column.dtype is not Dtype.INTEGER or _WHOLE.fullmatch(cell.text)
    return "" if is_whole else ", expected a whole number. Correct it"


def _check_plate(values: dict[str, str], name: str, experiment: str, path: Path) -> None:
    """Raise ContentError if a well is said to be of another plate."""
    for well, said in values.items():
        if not plate_checks.fits(said, experiment, well if name == "well_id" else ""):
            raise ContentError(
                f"{path}: {name} of well {well} is {said!r}, which is not of experiment {experiment}. Is this the "
                "workbook of another plate?"
            )


def _as_table(values: dict[str, dict[str, str]]) -> pd.DataFrame:
    listed = [column.name for column in columns.of(Source.PLATE) if column.name in values]
    names = listed + [name for name in values if name not in listed]
    wells = sorted({well for name in names for well in values[name]})
    return pd.DataFrame(
        {"well": wells} | {name: [values[name].get(well, tables.EMPTY) for well in wells] for name in names}, dtype=str
    )
