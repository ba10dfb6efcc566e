"""Identifiers: how experiments, wells, images, embryos and snips are named."""

import re

EXPERIMENT_FORM = "letters, digits, '_', '-' and '.', beginning with a letter or a digit"
_EXPERIMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FRAME = re.compile(r"([A-Z]\d\d)_t(\d+).*\.(png|jpe?g|tiff?|bmp)", re.IGNORECASE)
_WELL = re.compile(r"[A-H](?:0[1-9]|1[0-2])")


def is_experiment(name: str) -> bool:
    """Whether `name` can be an experiment id, which is a folder name and stands in commands."""
    return _EXPERIMENT.fullmatch(name) is not None


def is_well(name: str) -> bool:
    """Whether `name` is a well of a 96-well plate, A01 to H12."""
    return _WELL.fullmatch(name) is not None


def frame_key(name: str) -> tuple[str, int] | None:
    """(well, time_int) that a file's name says, `{well}_t{tttt}*.(png|jpg|tif|bmp)`; None for any other name."""
    match = _FRAME.fullmatch(name)
    if match is None or not is_well(match[1]):
        return None
    return match[1], int(match[2])


def image_id(experiment: str, well: str, time_int: int) -> str:
    """`{exp}_{well}_t{time_int:04d}`."""
    return f"{experiment}_{well}_t{time_int:04d}"


def embryo_id(experiment: str, well: str, embryo: int) -> str:
    """`{exp}_{well}_e{NN}`, NN being the pixel value in the label image."""
    return f"{experiment}_{well}_e{embryo:02d}"


def snip_id(experiment: str, well: str, embryo: int, time_int: int) -> str:
    """`{embryo_id}_t{time_int:04d}`, the key of the cohort tables."""
    return f"{embryo_id(experiment, well, embryo)}_t{time_int:04d}"
