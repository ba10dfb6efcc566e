"""The acquisition table of a plate: read as text and checked; its numbers are parsed when they are needed."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns, row_keys
from morphseq_manifest.cohort.ids import is_well
from morphseq_manifest.cohort.manifests.images_manifest import Plate
from stages.files import delimited, layout, plate_checks, tables

_NUMERIC = {"time_int"} | {column.name for column in columns.of(columns.PLATE) if column.is_number}
# um per px (across, down) by (well, time_int); frames without a scale are left out.
Scales = dict[tuple[str, int], tuple[float, float]]
# (line of the file, width, height in px) by (well, time_int).
FrameSizes = dict[tuple[str, int], tuple[int, float, float]]


def read_plate(path: Path, experiment: str) -> pd.DataFrame:
    """Read the table of an experiment's plate: every column as text, but `time_int` as int64; a row a frame, any order.

    What people decide may be missing if the plate has a workbook. Raises UnreadableError, or ContentError naming row
    and column, if a needed column is missing, a well or frame number is not one, two rows are of one frame, or as
    delimited.read and plate_checks.check do.
    """
    plate = delimited.read(path, _NUMERIC)
    tables.require(plate, columns.measured_of_plate(), path)
    if not layout.workbook(experiment).exists():  # which is another stage's to read; this says early what is missing
        tables.require(plate, columns.needed_of_plate(), path)
    wells = np.flatnonzero(~plate["well"].map(is_well).astype(bool))
    if len(wells):
        found = plate["well"].iloc[wells[0]]
        row = tables.row_of(plate, wells[0])
        raise ContentError(f"{path}, row {row}: well {found!r} is not a well (A01 to H12). Correct it")
    times = tables.numbers(plate, "time_int", path)
    odd = np.flatnonzero(~((times >= 0) & (times == np.floor(times))))
    if len(odd):
        found, row = plate["time_int"].iloc[odd[0]], tables.row_of(plate, odd[0])
        raise ContentError(f"{path}, row {row}: time_int {found!r} is not a frame number (0, 1, ..). Correct it")
    plate["time_int"] = times.astype(np.int64)
    twice = np.flatnonzero(plate.duplicated(list(row_keys.FRAME_KEY)))
    if len(twice):
        well, time_int = plate.iloc[twice[0]][["well", "time_int"]]
        row = tables.row_of(plate, twice[0])
        raise ContentError(f"{path}, row {row}: well {well}, time_int {time_int} is duplicated. Remove one of the rows")
    plate_checks.check(plate, experiment, path)
    return plate


def pixel_sizes(plate: pd.DataFrame, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(um per px across, um per px down) of each row; NaN if the table lacks a size."""
    sizes = []
    for name in ("Width", "Height"):
        um = tables.numbers(plate, f"{name} (um)", path)
        px = tables.numbers(plate, f"{name} (px)", path)
        sizes.append(um / px)
    return sizes[0], sizes[1]


def scales(plate: pd.DataFrame, path: Path) -> Scales:
    """The scale of every frame whose row gives one; `plate` is what `read_plate` read from `path`."""
    across, down = pixel_sizes(plate, path)
    keys = zip(plate["well"].tolist(), plate["time_int"].tolist(), strict=True)
    pairs = zip(across.tolist(), down.tolist(), strict=True)
    return {key: pair for key, pair in zip(keys, pairs, strict=True) if not np.isnan(pair).any()}


def summary(plate: pd.DataFrame, path: Path) -> Plate:
    """What the table says of the plate as a whole; `plate` is what `read_plate` read from `path`."""
    across, down = pixel_sizes(plate, path)
    known = np.sqrt(across * down)[~np.isnan(across * down)]
    # Six digits: sums of other rows in another order shall give the same.
    um_per_px = float(f"{np.median(known):.6g}") if len(known) else None
    named = set(plate["microscope"]) if "microscope" in plate.columns else set()
    return Plate(um_per_px, sorted(str(name) for name in named - {""}))


def frame_sizes(plate: pd.DataFrame, path: Path) -> FrameSizes:
    """The size of every frame whose row gives it; `plate` is what `read_plate` read from `path`."""
    width, height = (tables.numbers(plate, f"{name} (px)", path) for name in ("Width", "Height"))
    keys = zip(plate["well"].tolist(), plate["time_int"].tolist(), strict=True)
    return {
        key: (tables.row_of(plate, place), width[place], height[place])
        for place, key in enumerate(keys)
        if not np.isnan([width[place], height[place]]).any()
    }
