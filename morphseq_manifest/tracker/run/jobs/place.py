"""An attempt's own place: the project as links, in which the stage's outputs are not there yet.

A stage finds what the project has and writes its outputs beside nobody: folders that it writes to are real ones here,
and all else in them is a link. What other stages make is there if it depends on it. An output that it may keep
(`persist`) is given as hard links, and as copies where it is small. Where such a folder is on another disk, so is the
place of it. Nothing but the standard library is imported, since a node runs this.
"""

import os
import shutil
from collections.abc import Collection, Iterator

# As `base.files.TEMPORARY`; .dvcignore leaves such names out.
TEMPORARY = ".morphseq-"
_GIT = ".git"
_COPIED_BYTES = 1 << 20


class Place:
    """The place of an attempt at a stage of the project in `root`; `others` are the outputs of all its stages."""

    def __init__(self, root: str, place: str, attempt: str, outs: list[str], kept: list[str], wdir: str) -> None:
        self.root, self.place = root, place
        self.outs, self.kept, self._attempt = outs, kept, attempt
        self.folders = {above for out in outs for above in _parents(out)} | {wdir, *_parents(wdir)} - {""}

    def make(self, deps: Collection[str], others: Collection[str]) -> None:
        """Make it, with all that is no stage's output and what the stage depends on."""
        os.makedirs(self.place)  # noqa: PTH103
        wanted = {above for dep in deps for above in (dep, *_parents(dep))}
        hidden = set(others) - wanted - {path for path in others if wanted.intersection(_parents(path))}
        self._link_outside(deps)
        for folder in ("", *sorted(self.folders)):
            if folder and not self._make_folder(folder):
                continue
            for name in os.listdir(f"{self.root}/{folder}"):  # noqa: PTH208
                path = f"{folder}/{name}".lstrip("/")
                is_left_out = path in hidden or path in self.outs or path in self.folders or path == _GIT
                if not is_left_out and not name.startswith(TEMPORARY):
                    os.symlink(f"{self.root}/{path}", f"{self.place}/{path}")  # noqa: PTH211
        for path in self.kept:
            self._keep(path)

    def _make_folder(self, folder: str) -> bool:
        """Make a folder that is there in the project, on the same disk; whether it is."""
        source, target = f"{self.root}/{folder}", f"{self.place}/{folder}"
        if not os.path.isdir(source) or not os.path.isdir(os.path.dirname(target)):  # noqa: PTH112, PTH120
            return False
        if os.stat(source).st_dev == os.stat(self.place).st_dev:  # noqa: PTH116
            os.mkdir(target)  # noqa: PTH102
        else:
            there = self.elsewhere(folder)
            os.mkdir(there)  # noqa: PTH102
            os.symlink(there, target)  # noqa: PTH211
        return True

    def elsewhere(self, folder: str) -> str:
        """Where a folder of the project that is on another disk has its place."""
        return f"{os.path.realpath(f'{self.root}/{folder}')}/{TEMPORARY}job-{self._attempt}"

    def far_folders(self) -> list[str]:
        """The folders whose place is on another disk."""
        return [folder for folder in self.folders if os.path.islink(f"{self.place}/{folder}")]  # noqa: PTH114

    def _link_outside(self, deps: Collection[str]) -> None:
        """Link what is beside the project, as far as the stage depends on it, to where `../` leads from the place."""
        for dep in deps:
            parts = dep.split("/")
            up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
            if 0 < up < len(parts):
                path = "/".join(parts[: up + 1])
                target = os.path.normpath(f"{self.place}/{path}")
                if not os.path.lexists(target):
                    os.symlink(os.path.normpath(f"{self.root}/{path}"), target)  # noqa: PTH211

    def _keep(self, path: str) -> None:
        """Give the stage what it made before, and what it has begun beside it."""
        folder, _, name = path.rpartition("/")
        if not os.path.isdir(f"{self.place}/{folder}"):  # noqa: PTH112
            return
        if os.path.lexists(f"{self.root}/{path}"):
            _give(os.path.realpath(f"{self.root}/{path}"), f"{self.place}/{path}")
        for begun in os.listdir(f"{self.root}/{folder}"):  # noqa: PTH208
            if is_begun(begun, name):
                _give(f"{self.root}/{folder}/{begun}", f"{self.place}/{folder}/{begun}")


def is_begun(name: str, output: str) -> bool:
    """Whether a file's name is one of what a stage has begun of an output, for it to go on with."""
    return name.startswith(f"{TEMPORARY}{output}.") and not name.endswith(".tmp")


def _give(source: str, target: str) -> None:
    """Give a file or folder by hard links, what is small and what can't be linked as copies."""
    if os.path.isdir(source) and not os.path.islink(source):  # noqa: PTH112, PTH114
        os.mkdir(target)  # noqa: PTH102
        for name in os.listdir(source):  # noqa: PTH208
            _give(f"{source}/{name}", f"{target}/{name}")
    elif os.path.islink(source):  # noqa: PTH114
        os.symlink(os.path.join(os.path.dirname(source), os.readlink(source)), target)  # noqa: PTH115, PTH118, PTH120, PTH211
    elif os.path.getsize(source) <= _COPIED_BYTES:  # noqa: PTH202
        shutil.copy2(source, target)
    else:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
