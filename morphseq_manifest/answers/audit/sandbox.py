"""A place in which one stage runs again, and the project is not touched.

There are copies of what git has, links to what stages read and make and to all else, and nothing of the stage's own
outputs. There is no cache in it, and nothing that an earlier run has kept. Of a stage that makes stacks only some wells
may be asked for; the others are given as they are recorded, for it to keep.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from morphseq_manifest.answers.wells import well_of
from morphseq_manifest.base import files, git
from morphseq_manifest.tracker.dvc.stages import Stage, parents

_DVC, _GIT = Path(".dvc"), Path(".git")
# Of `.dvc`, what says how the project is set up.
_SETTINGS = ("config", "config.local", ".gitignore")
# What is larger is linked, though git has it.
_MOST_COPIED_BYTES = 1 << 20


@contextmanager
def sandbox(
    root: Path, stage: Stage, data: Collection[str], wells: Collection[str], stacked: Collection[str]
) -> Iterator[Path]:
    """A project in which `stage` is to make what it made in `root`; it is deleted after this block.

    `data` are the paths that stages read and make. Of its `stacked` outputs, folders, the stacks of all but these
    `wells` are there; with no wells, none.
    """
    root = root.resolve()
    place = files.beside(root / _DVC / "tmp/audit")  # the next run deletes what a killed one has left
    place.mkdir(parents=True)
    try:
        _Mirror(root, place, stage, data).make()
        (place / _DVC).mkdir()
        for name in _SETTINGS:
            if (root / _DVC / name).exists():
                shutil.copyfile(root / _DVC / name, place / _DVC / name)
        for path in stacked if wells else ():
            _give(root / path, place / path, wells)
        yield place
    finally:
        shutil.rmtree(place)


class _Mirror:
    """Makes the project in `root` anew in `place`, for a stage to run in."""

    def __init__(self, root: Path, place: Path, stage: Stage, data: Collection[str]) -> None:
        self._root, self._place = root, place
        self._outs = {out.path for out in stage.outs}
        listed = git.run(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or b""
        self._copied = {os.fsdecode(name) for name in listed.split(b"\0") if name}
        self._linked = set(data)
        self._above = {parent for path in self._outs for parent in parents(path)}
        # Folders that hold both: those of copies, but for what is in data.
        self._mixed = self._above | {
            parent for path in self._copied if not self._linked.intersection(parents(path)) for parent in parents(path)
        }

    def make(self, folder: str = "") -> None:
        """Make a folder of it."""
        (self._place / folder).mkdir(exist_ok=True)
        try:
            names = os.listdir(self._root / folder)  # noqa: PTH208 - as names
        except FileNotFoundError:
            names = []  # the outputs in it are all that will be
        for name in names:
            path = f"{folder}/{name}".lstrip("/")
            if not (name.startswith(files.TEMPORARY) or Path(path) in {_DVC, _GIT} or path in self._outs):
                self._add(path)
        for path in self._above:
            if path.rpartition("/")[0] == folder and not (self._place / path).exists():
                self.make(path)

    def _add(self, path: str) -> None:
        source = self._root / path
        is_folder = source.is_dir()
        if is_folder and (path in self._above or (path in self._mixed and path not in self._linked)):
            self.make(path)
        elif not is_folder and path in self._copied and source.stat().st_size <= _MOST_COPIED_BYTES:
            shutil.copy2(source, self._place / path)
        else:
            (self._place / path).symlink_to(source)


def _give(recorded: Path, place: Path, wells: Collection[str]) -> None:
    """Put the stacks of the other wells, and the index of all, into the sandbox."""
    place.mkdir(parents=True)
    for name in os.listdir(recorded):  # noqa: PTH208
        if well_of(name) not in wells:
            (place / name).symlink_to(recorded / name)
