"""Where the results of each step lie in a data root of the lab: as in the project's own `data`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.base import files
from morphseq_manifest.cohort.ids import is_experiment
from stages.files import layout
from stages.files.frame_folder import is_left_behind

_ANY = "0any0"


class DataRoot(NamedTuple):
    """A data root, and whose results are looked for there: the project's QC networks and its model, by name.

    `most_unfit` is the share of frames and rows that may be without the other.
    """

    path: Path
    networks: list[str]
    model: str
    most_unfit: float

    def at(self, place: Path) -> Path:
        """Where that lies which lies at `place` in the project."""
        return self.path / place.relative_to(layout.DATA)


def experiments(root: DataRoot) -> tuple[list[str], list[str]]:
    """The experiments of which anything is there, in id order; and the names there that can't be ids."""
    networks, model = root.networks, root.model
    folders = [layout.FRAMES, layout.LABELS, layout.SNIPS, *(layout.predictions(one, _ANY).parent for one in networks)]
    tables = [
        layout.plate_table(_ANY),
        layout.sam2_table(_ANY),
        layout.build03_table(_ANY),
        layout.latents_table(model, _ANY),
    ]
    found = {name for folder in folders for name in _folders_in(root.at(folder))}
    found |= {name for file in tables for name in _keyed(root.at(file))}
    odd = sorted(name for name in found if not is_experiment(name) and not is_left_behind(name))
    return sorted(name for name in found if is_experiment(name)), [files.printable(name) for name in odd]


def _folders_in(folder: Path) -> Iterator[str]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries if entry.is_dir())


def _keyed(file: Path) -> Iterator[str]:
    """The ids in the names of the files that are called as this one, but for its id."""
    before, _, after = file.name.partition(_ANY)
    for name in os.listdir(file.parent) if file.parent.is_dir() else ():  # noqa: PTH208 - as names
        if name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after):
            yield name[len(before) : len(name) - len(after)]
