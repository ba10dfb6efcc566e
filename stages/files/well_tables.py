"""What the workbooks say, as tables: a row a well, a file an experiment; and how that joins a plate's frames."""

from pathlib import Path

import pandas as pd

from morphseq_manifest.base.console import note
from morphseq_manifest.cohort import columns
from stages.files import layout, perturbation_key, tables

WELL = "well"
_SHOWN = 5


def read(experiment: str) -> pd.DataFrame:
    """What the workbook of an experiment's plate says, as the stage `wells` wrote it; nothing if there is no workbook.

    Raises UnreadableError if there is one that has not been read yet.
    """
    return _read(layout.well_table(experiment), layout.workbook(experiment), WELL)


def read_key() -> pd.DataFrame:
    """The perturbation key, as the stage `wells` wrote it; nothing if there is none. Raises as read."""
    return _read(layout.KEY_TABLE, layout.PERTURBATION_KEY, perturbation_key.OF[0])


def _read(table: Path, source: Path, first: str) -> pd.DataFrame:
    # By hand, a stage may run before `wells` has: nothing is lost if there is nothing to read.
    if not table.exists() and not source.exists():
        return pd.DataFrame({first: []}, dtype=str)
    return tables.read_text(table)


def join(plate: pd.DataFrame, said: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The plate table (a row a frame, text) with what the workbook says of its wells (`said`: a row a well, text).

    What the workbook says goes before what the table says, since people correct the one, and a microscope writes the
    other; where the workbook is blank, the table's value stays. What is new comes after the table's columns. What was
    replaced is noted. Raises ContentError if both lack a column that some stage computes with.
    """
    joined = plate.copy()
    for name in said.columns.drop(WELL):
        values = plate[WELL].map(said.set_index(WELL)[name]).fillna(tables.EMPTY)
        before = plate[name] if name in plate.columns else pd.Series(tables.EMPTY, plate.index)
        _note_replaced(plate[WELL], name, before, values, experiment)
        joined[name] = values.where(values != tables.EMPTY, before)
    if strangers := sorted({*said[WELL]} - {*plate[WELL]}):
        note(f"{experiment}: the workbook speaks of {len(strangers)} wells without a frame: {_listed(strangers)}")
    table, workbook = layout.plate_table(experiment), layout.workbook(experiment)
    has_workbook = len(said.columns) > 1
    tables.require(joined, columns.needed_of_plate(), f"{table} and {workbook}" if has_workbook else table)
    return joined


def _note_replaced(wells: pd.Series, name: str, before: pd.Series, values: pd.Series, experiment: str) -> None:
    """Say where the workbook goes before another value of the plate table; 26 and 26.0 are one."""
    is_other = (before != tables.EMPTY) & (values != tables.EMPTY) & (before != values)
    is_other &= ~(pd.to_numeric(before, errors="coerce") == pd.to_numeric(values, errors="coerce"))
    if is_other.any():
        well, old, new = (column[is_other].iloc[0] for column in (wells, before, values))
        replaced = _listed(sorted({*wells[is_other]}))
        note(
            f"{experiment}: {name} is as the workbook says, not the plate table, in {replaced} "
            f"(in {well} {new!r}, not {old!r})"
        )


def _listed(wells: list[str]) -> str:
    more = f" and {len(wells) - _SHOWN} more" if len(wells) > _SHOWN else ""
    return f"{', '.join(wells[:_SHOWN])}{more}"
