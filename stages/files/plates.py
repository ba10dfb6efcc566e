"""The acquisition table of a plate: read as text and checked; its numbers are parsed when they are needed."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.ids import is_well
from stages.files import tables

# um per px (across, down) by (well, time_int); frames without a scale are left out.
Scales = dict[tuple[str, int], tuple[float, float]]


def read_plate(path: Path) -> pd.DataFrame:
    """Read a plate's table: every column as text, but `time_int` as int64; a row a frame, any order.

    Raises UnreadableError, or ContentError if a needed column is missing, a well or frame number is not one,
    or two rows are of one frame.
    """
    plate = tables.read_text(path)
    tables.require(plate, columns.needed_of_plate(), path)
    wells = plate["well"][~plate["well"].map(is_well).astype(bool)]
    if len(wells):
        raise ContentError(
            f"{path}, row {wells.index[0] + 2}: well {wells.iloc[0]!r} is not a well (A01 to H12). Correct it"
        )
    times = tables.numbers(plate, "time_int", path)
    odd = plate.index[~((times >= 0) & (times == np.floor(times)))]
    if len(odd):
        given = plate["time_int"].iloc[odd[0]]
        raise ContentError(f"{path}, row {odd[0] + 2}: time_int {given!r} is not a frame number (0, 1, ..). Correct it")
    plate["time_int"] = times.astype(np.int64)
    twice = plate.index[plate.duplicated(list(columns.FRAME_KEY))]
    if len(twice):
        well, time_int = plate.loc[twice[0], ["well", "time_int"]]
        raise ContentError(
            f"{path}, row {twice[0] + 2}: well {well}, time_int {time_int} is duplicated. Remove one of the rows"
        )
    return plate


def pixel_sizes(plate: pd.DataFrame, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(um per px across, um per px down) of each row; NaN if the table lacks a size or has one that is not > 0."""
    sizes = []
    for name in ("Width", "Height"):
        um = tables.numbers(plate, f"{name} (um)", path)
        px = tables.numbers(plate, f"{name} (px)", path)
        with np.errstate(divide="ignore", invalid="ignore"):
            sizes.append(np.where((um > 0) & (px > 0), um / px, np.nan))
    return sizes[0], sizes[1]


def scales(plate: pd.DataFrame, path: Path) -> Scales:
    """The scale of every frame whose row gives one; `plate` is what `read_plate` read from `path`."""
    across, down = pixel_sizes(plate, path)
    keys = zip(plate["well"].tolist(), plate["time_int"].tolist(), strict=True)
    pairs = zip(across.tolist(), down.tolist(), strict=True)
    return {key: pair for key, pair in zip(keys, pairs, strict=True) if not np.isnan(pair).any()}
