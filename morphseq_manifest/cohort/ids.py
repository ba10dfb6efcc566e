"""Identifiers: how experiments, wells, images, embryos and snips are named, and read back from their names."""

import re
from typing import NamedTuple

from morphseq_manifest.base.errors import ConfigError, ContentError

EXPERIMENT_FORM = "letters, digits, '_', '-' and '.', beginning with a letter or a digit"
_EXPERIMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_WELL = re.compile(r"[A-H](?:0[1-9]|1[0-2])")
_SNIP = re.compile(r"(.+)_([A-H](?:0[1-9]|1[0-2]))_e(\d{2,})_t(\d{4,})", re.DOTALL)


class SnipKey(NamedTuple):
    """The parts of a snip_id; `embryo` is the pixel value in the label image, from 1."""

    experiment: str
    well: str
    embryo: int
    time_int: int


def check_experiment(name: str, where: str) -> str:
    """Return `name` if it can be an experiment id, which is a folder name and stands in commands.

    Raises ConfigError naming `where` it was found.
    """
    if not _EXPERIMENT.fullmatch(name):
        raise ConfigError(f"{where}: experiment id {name!r} can't be used: an id has {EXPERIMENT_FORM}. Rename it")
    return name


def is_well(name: str) -> bool:
    """Whether `name` is a well of a 96-well plate, A01 to H12."""
    return _WELL.fullmatch(name) is not None


def image_id(experiment: str, well: str, time_int: int) -> str:
    """`{exp}_{well}_t{time_int:04d}`."""
    return f"{experiment}_{well}_t{time_int:04d}"


def embryo_id(experiment: str, well: str, embryo: int) -> str:
    """`{exp}_{well}_e{NN}`, NN being the pixel value in the label image."""
    return f"{experiment}_{well}_e{embryo:02d}"


def snip_id(experiment: str, well: str, embryo: int, time_int: int) -> str:
    """`{embryo_id}_t{time_int:04d}`, the key of the cohort tables."""
    return f"{embryo_id(experiment, well, embryo)}_t{time_int:04d}"


def split_snip_id(text: str) -> SnipKey:
    """Take a snip_id apart, from the right, since an experiment's name may hold `_`.

    Raises ContentError if it is no snip_id.
    """
    match = _SNIP.fullmatch(text)
    if match is None:
        raise ContentError(f"{text!r} is no snip_id: expected EXPERIMENT_WELL_eNN_tNNNN")
    experiment, well, embryo, time_int = match.groups()
    return SnipKey(experiment, well, int(embryo), int(time_int))
