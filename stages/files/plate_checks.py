"""What a plate table may say: columns of its own only, numbers that can be, and its own plate's name."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.columns import COLUMNS, Dtype, Source
from morphseq_manifest.cohort.row_keys import FRAME_KEY
from stages.files import cell_texts, tables, titles

# Columns that say which plate a row is of, besides the name of the file.
_DATE, _WELL_ID = "experiment_date", "well_id"
_TIME = "Time Rel (s)"
_SPELT = {columns.plain(column.name): column.name for column in columns.of(Source.PLATE)}
# um per px, far beyond what microscopes have.
_LEAST_SCALE, _MOST_SCALE = 0.02, 1000


def check(plate: pd.DataFrame, experiment: str, path: Path) -> None:
    """Raise ContentError naming file, row and column of the first thing that can't be."""
    _check_names(plate, path)
    _check_spelling(plate, path)
    _check_errors(plate, path)
    for column in columns.of(Source.PLATE):
        if column.name in plate.columns and column.dtype in {Dtype.INTEGER, Dtype.FLOAT}:
            _check_range(plate, column, path)
    _check_plate(plate, experiment, path)
    _check_scale(plate, path)
    _check_times(plate, path)


def _check_names(plate: pd.DataFrame, path: Path) -> None:
    """Columns that the pipeline writes itself would be taken for its own."""
    own = {column.name: column.source for column in COLUMNS if column.source is not Source.PLATE}
    allowed = {*FRAME_KEY, _DATE}
    for name in plate.columns:
        writer = own.get(name) or (Source.LATENTS if columns.is_latent(name) else None)
        if writer and name not in allowed:
            raise ContentError(f"{path}: column {name!r} is one that {writer} writes. Rename it in the plate table")


def _check_spelling(plate: pd.DataFrame, path: Path) -> None:
    """A column in another spelling would be one more, and the one that is meant blank."""
    for name in plate.columns.difference([*_SPELT.values(), *FRAME_KEY, _DATE], sort=False):
        near = titles.meant(name)
        is_there = near is not None and near.name in plate.columns
        meant = _SPELT.get(columns.plain(name)) or (near.name if near and not is_there else None)
        if meant:
            raise ContentError(
                f"{path}: column {name!r} is none that is known. Did you mean {meant!r}? Rename it, or, if it is "
                "something else, call it otherwise"
            )


def _check_errors(plate: pd.DataFrame, path: Path) -> None:
    for name in plate.columns.drop("time_int"):
        wrong = np.flatnonzero(plate[name].map(cell_texts.is_error))
        if len(wrong):
            found, row = plate[name].iloc[wrong[0]], tables.row_of(plate, wrong[0])
            raise ContentError(
                f"{path}, row {row}: {name} is {found!r}, an error of the spreadsheet's. Correct it, or empty the cell"
            )


def _check_range(plate: pd.DataFrame, column: columns.Column, path: Path) -> None:
    values = tables.numbers(plate, column.name, path)
    wrong = np.flatnonzero((values < column.least) | (values > column.most) | np.isinf(values))
    if len(wrong):
        found, row = plate[column.name].iloc[wrong[0]], tables.row_of(plate, wrong[0])
        raise ContentError(
            f"{path}, row {row}: {column.name} is {found!r}, expected {column.limits or 'a number'}. Correct it"
        )
    broken = np.flatnonzero(np.isfinite(values) & (values != np.floor(values)))
    if column.dtype is Dtype.INTEGER and len(broken):
        found, row = plate[column.name].iloc[broken[0]], tables.row_of(plate, broken[0])
        raise ContentError(f"{path}, row {row}: {column.name} is {found!r}, expected a whole number. Correct it")


def _check_scale(plate: pd.DataFrame, path: Path) -> None:
    """No microscope has such pixels: a size in other units, or a point between thousands."""
    for side in ("Width", "Height"):
        um, px = (tables.numbers(plate, f"{side} ({unit})", path) for unit in ("um", "px"))
        scale = um / px
        wrong = np.flatnonzero((scale < _LEAST_SCALE) | (scale > _MOST_SCALE))
        if len(wrong):
            place = int(wrong[0])
            raise ContentError(
                f"{path}, row {tables.row_of(plate, place)}: {side} (um) is {plate[f'{side} (um)'].iloc[place]!r} for "
                f"{plate[f'{side} (px)'].iloc[place]} px, {scale[place]:.3g} um per px, expected {_LEAST_SCALE} to "
                f"{_MOST_SCALE}. Correct one of them"
            )


def _check_times(plate: pd.DataFrame, path: Path) -> None:
    """Raise ContentError if a well's time falls from one frame to a later one."""
    times = pd.Series(tables.numbers(plate, _TIME, path))
    table = pd.DataFrame({"well": plate["well"].tolist(), "time_int": plate["time_int"].tolist(), "time": times})
    table = table.dropna().sort_values(["well", "time_int"])
    falls = table[table.groupby("well")["time"].diff() < 0]
    if len(falls):
        place = int(min(falls.index))
        one = table.loc[place]
        raise ContentError(
            f"{path}, row {tables.row_of(plate, place)}: {_TIME} is {plate[_TIME].iloc[place]!r} in frame "
            f"{one['time_int']} of well {one['well']}, less than in the frame before it. Correct one of them"
        )


def _check_plate(plate: pd.DataFrame, experiment: str, path: Path) -> None:
    """A table of another plate fits as well: same wells, same frames."""
    for name, ending in ((_DATE, ""), (_WELL_ID, "well")):
        if name not in plate.columns:
            continue
        for place, (said, well) in enumerate(zip(plate[name], plate["well"], strict=True)):
            if said and not fits(said, experiment, well if ending else ""):
                raise ContentError(
                    f"{path}, row {tables.row_of(plate, place)}: {name} is {said!r}, which is not of experiment "
                    f"{experiment}{f', well {well}' if ending else ''}. Is this the table of another plate?"
                )


def fits(said: str, experiment: str, ending: str) -> bool:
    """Whether a cell names the experiment, or the first part of its id, and `ending`, however it is punctuated."""
    said, experiment = (re.sub(r"[\W_]", "", text).lower() for text in (said, experiment))
    return said.endswith(ending.lower()) and experiment.startswith(said.removesuffix(ending.lower()))
