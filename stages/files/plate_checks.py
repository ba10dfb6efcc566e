"""What a plate table may say: columns of its own only, numbers that can be, and its own plate's name."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.columns import COLUMNS, Dtype, Source
from morphseq_manifest.cohort.row_keys import FRAME_KEY
from stages.files import tables

# Columns that say which plate a row is of, besides the name of the file.
_DATE, _WELL_ID = "experiment_date", "well_id"


def check(plate: pd.DataFrame, experiment: str, path: Path) -> None:
    """Raise ContentError naming file, row and column of the first thing that can't be."""
    _check_names(plate, path)
    for column in columns.of(Source.PLATE):
        if column.name in plate.columns and column.dtype in {Dtype.INTEGER, Dtype.FLOAT}:
            _check_range(plate, column, path)
    _check_plate(plate, experiment, path)


def _check_names(plate: pd.DataFrame, path: Path) -> None:
    """Columns that the pipeline writes itself would be taken for its own."""
    own = {column.name: column.source for column in COLUMNS if column.source is not Source.PLATE}
    allowed = {*FRAME_KEY, _DATE}
    for name in plate.columns:
        writer = own.get(name) or (Source.LATENTS if columns.is_latent(name) else None)
        if writer and name not in allowed:
            raise ContentError(f"{path}: column {name!r} is one that {writer} writes. Rename it in the plate table")


def _check_range(plate: pd.DataFrame, column: columns.Column, path: Path) -> None:
    values = tables.numbers(plate, column.name, path)
    wrong = np.flatnonzero((values < column.least) | (values > column.most) | np.isinf(values))
    if len(wrong):
        found, row = plate[column.name].iloc[wrong[0]], tables.row_of(plate, wrong[0])
        raise ContentError(
            f"{path}, row {row}: {column.name} is {found!r}, expected {column.limits or 'a number'}. Correct it"
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
