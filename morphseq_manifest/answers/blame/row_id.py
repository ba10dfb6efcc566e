"""What is asked about: an experiment, or a well, a frame, an embryo, a snip in one, by its id; or a row of a table."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort.manifests.table_rows import opened

_WITHIN = re.compile(r"(.+)_([A-H]\d\d)(?:_e(\d\d+))?(?:_t(\d{4,}))?")
# The columns of a table whose cells are ids, that which says most first.
_COLUMNS = ("snip_id", "image_id", "embryo_id")


class RowId(msgspec.Struct, frozen=True):
    """An id taken apart; of what it does not name it has None."""

    experiment: str
    well: str | None = None
    embryo: int | None = None
    time_int: int | None = None


def forms(name: str) -> list[RowId]:
    """What an id may be of: an experiment of that name, or something in one."""
    parts = _WITHIN.fullmatch(name)
    if parts is None:
        return [RowId(name)]
    experiment, well, *numbers = parts.groups()
    return [RowId(name), RowId(experiment, well, *(None if text is None else int(text) for text in numbers))]


def unknown(name: str, experiments: Collection[str], where: str) -> ConfigError:
    """What is said of an id of which no experiment is known; `where` is for messages."""
    parts = _WITHIN.fullmatch(name)
    known = sorted(experiments)
    if parts:
        near = suggest(name, [experiment + name.removeprefix(parts[1]) for experiment in known])
        return ConfigError(f"{name!r}: experiment {parts[1]!r} is not known in {where}{near}")
    if within := next((experiment for experiment in known if name.startswith(f"{experiment}_")), None):
        forms = ", ".join(f"{within}_{end}" for end in ("A01", "A01_t0003", "A01_e01", "A01_e01_t0003"))
        return ConfigError(f"{name!r} is not an id. Those in experiment {within!r} are like {forms}")
    return ConfigError(f"{name!r}: no experiment of this name is known in {where}{suggest(name, known)}")


def check(row: RowId, listed: Collection[Any], where: str) -> None:
    """Raise ConfigError if an experiment, of which these frames are `listed`, has none that the id names.

    A frame is a (well, time_int); what else is listed is passed over. If there is no frame at all, nothing is known.
    """
    frames = [key for key in listed if isinstance(key, tuple)]
    of_well = [time_int for well, time_int in frames if well == row.well]
    if row.well is None or not frames or (of_well and row.time_int in {None, *of_well}):
        return
    if not of_well:
        wells = sorted({well for well, _ in frames})
        raise ConfigError(f"{row.experiment} has no frame of well {row.well} in {where}{suggest(row.well, wells)}")
    nearest = min(of_well, key=lambda time_int: abs(time_int - (row.time_int or 0)))
    raise ConfigError(
        f"{row.experiment} has no frame {row.time_int} of well {row.well} in {where}. The nearest is {nearest}"
    )


def in_table(path: Path, row: int) -> str:
    """The id in a row of a table, counted as a spreadsheet does: the columns' names are row 1.

    Raises UnreadableError if there is no such file, ConfigError if it has no such row, ContentError if it has no ids.
    """
    lines = _lines(path)
    names = next(lines, [])
    column = next((names.index(name) for name in _COLUMNS if name in names), None)
    if column is None:
        raise ContentError(f"{path}: has none of the columns {', '.join(_COLUMNS)}: name an id instead of the file")
    number = 1
    for number, cells in enumerate(lines, start=2):
        if number == row and len(cells) > column:
            return cells[column]
    raise ConfigError(f"{path}: has no row {row}; there are 2 to {number}, as a spreadsheet counts them")


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        with opened(path) as file:
            yield from csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ContentError(f"{path}: not a table in text: {error}") from error
