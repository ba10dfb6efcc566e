"""Stage `wells`: takes what people say of the plates' wells, in workbooks, into a table an experiment.

DVC can't depend on a file that may be missing. So this reads the whole folder, and writes a table for each experiment,
with or without a workbook: `build03` of a plate runs again only if what is said of that plate has changed.
"""

import re
from collections.abc import Container, Iterable
from pathlib import Path

import click
import pandas as pd

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.cohort import params
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import cohort_tables, layout, perturbation_key, tables, well_metadata, well_tables

# What Excel and LibreOffice keep beside a workbook that somebody has open.
_LOCKS = ("~$", ".~lock.")
_WORKBOOK, _TABLE = layout.workbook("").stem, layout.plate_table("").name
# What spreadsheets write, among which somebody may look for what is not read.
_OF_SPREADSHEETS = (".csv", ".txt", ".tsv", ".ods", ".numbers", ".gsheet")


def find(folder: Path, expected: Iterable[Path], tables: Container[str]) -> tuple[set[Path], list[str]]:
    """Which of the `expected` files are in a folder, and what to tell people of others in it that nobody reads.

    `tables` are the names of plate tables, which lie there too. Raises UnreadableError if there is no such folder,
    ContentError for an expected file of another format.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise files.unreadable(folder, error, "Put the plate tables there") from error
    wanted = {path.name: path for path in expected}
    stems = {path.stem.lower(): name for name, path in wanted.items()}
    others, unread = [], []
    for name in (name for name in names if name not in wanted and name not in tables and not _is_hidden(name)):
        if meant := stems.get(Path(name).stem.lower()):
            raise ContentError(
                f"{folder / files.printable(name)}: expected {meant}. Save it in that format, under that name"
            )
        if Path(name).stem.endswith(_WORKBOOK):
            others.append(files.printable(name))
        elif _is_of_spreadsheet(name):
            unread.append(f"{files.printable(name)}{_expected(name, wanted)}")
    for name in (name for name in names if name.startswith(_LOCKS)):
        note(f"{folder / files.printable(name)}: somebody has the file open; what is not saved yet is not read")
    told = [f"not of a listed experiment, and so not read: {', '.join(others)}"] if others else []
    told += [f"not read: {', '.join(unread)}"] if unread else []
    return {wanted[name] for name in names if name in wanted}, [f"{folder}: {one}" for one in told]


def _is_of_spreadsheet(name: str) -> bool:
    """Whether a file may be meant as a workbook or a key; the tables of plates that are not listed are none."""
    ending = Path(name).suffix.lower()
    is_table = name.endswith(_TABLE) and "well" not in name.removesuffix(_TABLE).lower()
    return (ending in _OF_SPREADSHEETS or ending.startswith(".xls")) and not is_table


def _expected(name: str, wanted: Iterable[str]) -> str:
    """Which file a name is meant for, as it follows it in a message: that of the longest id with which it begins."""
    plain = name.lower()
    starts = {file.lower().removesuffix(f"{_WORKBOOK}.xlsx").removesuffix(".csv"): file for file in wanted}
    meant = max((start for start in starts if re.match(rf"{re.escape(start)}(?![^\W_])", plain)), key=len, default="")
    if meant:
        return f" (expected {starts[meant]})"
    return f" (expected {{experiment}}{_WORKBOOK}.xlsx)" if "well" in plain and "metadata" in plain else ""


def _is_hidden(name: str) -> bool:
    return name.startswith((".", *_LOCKS))


def read_workbook(path: Path, experiment: str) -> pd.DataFrame:
    """What the workbook of an experiment says, a row a well; what is not read of it is noted."""
    table, notes = well_metadata.read(path, experiment)
    for said in notes:
        note(said)
    return table


def read_all(experiments: Iterable[str]) -> dict[Path, pd.DataFrame]:
    """The table of each experiment, and of the perturbation key, by its place.

    Raises as `find` does, UnreadableError for a file that can't be read, and ContentError with what is wrong in each.
    """
    workbooks, key = {layout.workbook(name): name for name in experiments}, layout.PERTURBATION_KEY
    tables_of_plates = {layout.plate_table(name).name for name in workbooks.values()}
    present, told = find(layout.PLATES, [*workbooks, key], tables_of_plates)
    for said in told:
        note(said)
    made = {layout.well_table(name): pd.DataFrame({well_tables.WELL: []}, dtype=str) for name in workbooks.values()}
    made[layout.KEY_TABLE] = pd.DataFrame({perturbation_key.OF[0]: []}, dtype=str)
    faults = []
    for path in sorted(present):
        try:
            if path == key:
                made[layout.KEY_TABLE] = perturbation_key.read(path)
            else:
                made[layout.well_table(workbooks[path])] = read_workbook(path, workbooks[path])
        except ContentError as error:
            faults.append(str(error))
    if faults:
        raise ContentError("; ".join(faults))
    return made


@click.command("wells", cls=StageCommand)
def main() -> None:
    """Take what the workbooks say of each plate's wells into a table an experiment."""
    experiments = cohort_tables.listed(params.read())
    if layout.KEY_TABLE.stem in experiments:
        raise ConfigError(f"{PARAMS}: {layout.KEY_TABLE.stem!r} can't be an experiment: its table has another use")
    made = read_all(experiments)
    with files.replacing_folders([layout.WELL_TABLES]) as (folder,):
        for path, table in made.items():
            tables.as_text(table).to_csv(folder / path.name, index=False, lineterminator="\n", encoding="utf-8")
    wells = [len(made[layout.well_table(experiment)]) for experiment in experiments]
    note(f"{sum(count > 0 for count in wells)} workbooks speak of {sum(wells)} wells")


if __name__ == "__main__":
    main()
