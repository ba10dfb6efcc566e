"""A place in which one stage runs again, and the project is not touched: its own outputs, and links to all else.

There is no cache in it, and nothing that an earlier run has kept. Of a stage that makes stacks only some wells may be
asked for; the others are given as they are recorded, for it to keep.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from morphseq_manifest.answers.wells import well_of
from morphseq_manifest.base import files
from morphseq_manifest.tracker.dvc.stages import Stage, parents

_DVC, _GIT = Path(".dvc"), Path(".git")
# Of `.dvc`, what says how the project is set up.
_SETTINGS = ("config", "config.local", ".gitignore")


@contextmanager
def sandbox(root: Path, stage: Stage, wells: Collection[str], stacked: Collection[str]) -> Iterator[Path]:
    """A project in which `stage` is to make what it made in `root`; it is deleted after this block.

    Of its `stacked` outputs, folders, the stacks of all but these `wells` are there; with no wells, none.
    """
    own = root.resolve() / files.OWN
    own.mkdir(parents=True, exist_ok=True)
    place = files.beside(own / "audit")  # the next run deletes what a killed one has left
    place.mkdir()
    try:
        outs = {out.path for out in stage.outs}
        _mirror(root.resolve(), place, Path(), outs, {parent for path in outs for parent in parents(path)})
        (place / _DVC).mkdir()
        for name in _SETTINGS:
            if (root / _DVC / name).exists():
                (place / _DVC / name).symlink_to(root.resolve() / _DVC / name)
        for path in stacked if wells else ():
            _give(root.resolve() / path, place / path, wells)
        yield place
    finally:
        shutil.rmtree(place)


def _mirror(root: Path, place: Path, folder: Path, outs: set[str], above: set[str]) -> None:
    """Make a folder of the project in the sandbox: links to all in it but outputs, and the folders above them."""
    (place / folder).mkdir(exist_ok=True)
    for name in os.listdir(root / folder) if (root / folder).is_dir() else ():  # noqa: PTH208 - as names
        path = folder / name
        if name.startswith(files.TEMPORARY) or path in {_DVC, _GIT} or path.as_posix() in outs:
            continue
        if path.as_posix() not in above:
            (place / path).symlink_to(root / path)
    for name in {path for path in above if Path(path).parent == folder}:
        _mirror(root, place, Path(name), outs, above)


def _give(recorded: Path, place: Path, wells: Collection[str]) -> None:
    """Put the stacks of the other wells, and the index of all, into the sandbox."""
    place.mkdir(parents=True)
    for name in os.listdir(recorded):  # noqa: PTH208
        if well_of(name) not in wells:
            (place / name).symlink_to(recorded / name)
