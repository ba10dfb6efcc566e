"""The keys of the lab's tables: whose rows they are, of which frames and snips; other columns are not read."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.ids import is_well
from morphseq_manifest.cohort.manifests.table_columns import read_columns
from stages.files import delimited, tables
from stages.lab.listings import Frames


class PlateKeys(NamedTuple):
    """The frames that a plate table has rows of, the frames that stand there twice, and the wells to leave out."""

    frames: set[Frames]
    again: list[Frames]
    flagged: set[str]


class SnipKeys(NamedTuple):
    """The frame of each snip that a table has a row of (None if it does not say), and what is wrong with its rows.

    `lacking` are columns that it should have.
    """

    frames: dict[str, Frames | None]
    faults: list[str]
    lacking: Sequence[str] = ()


def of_plate(path: Path) -> PlateKeys:
    """The keys of a plate table. Raises UnreadableError, and ContentError for what is not one."""
    table = delimited.read(path, {"time_int", "well_qc_flag"})
    tables.require(table, ("well", "time_int"), path)
    times = tables.numbers(table, "time_int", path)
    if not np.isfinite(times).all():
        raise ContentError(f"{path}: a row has no time_int. Fill it in, or remove the row")
    if odd := next((well for well in table["well"] if not is_well(well)), None):
        raise ContentError(f"{path}: {odd!r} is not a well (A01 to H12). Correct it")
    frames = list(zip(table["well"].tolist(), times.astype(int).tolist(), strict=True))
    flagged: set[str] = set()
    if "well_qc_flag" in table.columns:
        values = tables.numbers(table, "well_qc_flag", path)
        flagged = set(table["well"][~np.isnan(values) & (values != 0)])
    return PlateKeys(set(frames), [frame for frame, count in Counter(frames).items() if count > 1], flagged)


def of_snips(path: Path, experiment: str, whose: str, *, framed: bool = False, also: Sequence[str] = ()) -> SnipKeys:
    """The keys of an experiment's table with a row a snip, whose column `whose` names the experiment.

    If `framed`, it has columns of the frame, too; it should have those in `also`. Raises UnreadableError, and
    ContentError for what is not one.
    """
    needed = ["snip_id", whose, *(("well", "time_int") if framed else ())]
    cells = _cells(path, needed)
    ids = cells["snip_id"]
    frames: list[Frames | None] = [None] * len(ids)
    if framed:
        pairs = zip(cells["well"], cells["time_int"], strict=True)
        frames = [(well, _number(time, path)) for well, time in pairs]
    faults = []
    if others := Counter(name for name in cells[whose] if name != experiment):
        name, count = others.most_common(1)[0]
        faults.append(f"{count:,} rows of {name!r}")
    if again := [name for name, count in Counter(ids).items() if count > 1]:
        faults.append(f"{len(again):,} snip_ids stand there twice, as {again[0]}")
    header = _header(path)
    return SnipKeys(dict(zip(ids, frames, strict=True)), faults, [name for name in also if name not in header])


def of_cohort(path: Path) -> dict[str, int]:
    """How many rows a cohort table has of each experiment. Raises UnreadableError, and ContentError."""
    return dict(sorted(Counter(_cells(path, ["experiment_date"])["experiment_date"]).items()))


def _cells(path: Path, names: list[str]) -> dict[str, list[str]]:
    header = _header(path)
    if missing := [name for name in names if name not in header]:
        raise ContentError(f"{path}: lacks the column(s) {', '.join(map(repr, missing))}")
    read = read_columns(path, names, str(path))
    found = {}
    for name in names:
        codes, values = read.coded(name)
        texts = ["" if value is None else value for value in values]
        found[name] = [texts[code] for code in codes.tolist()]
    return found


def _header(path: Path) -> list[str]:
    with path.open("rb") as file:
        return next(csv.reader([file.readline().decode("utf-8-sig", "replace").rstrip("\r\n")]), [])


def _number(text: str, path: Path) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError) as error:
        raise ContentError(f"{path}: time_int is {text!r}, not a frame number") from error
