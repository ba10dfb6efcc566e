"""Bringing what an attempt has made from its place into the project, when it can be seen as it was written."""

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.tracker.run.jobs.listing import members
from morphseq_manifest.tracker.run.jobs.place import Place, is_begun

Made = Mapping[str, Mapping[str, tuple[int, str]]]
_AGAIN_S = 0.25


def late(place: Place, made: Made, wait_s: float) -> str | None:
    """Wait until all that the node listed is seen here, with its size; what still is not, after so many seconds."""
    until = time.monotonic() + wait_s
    for out, listed in made.items():
        while (wrong := _unlike(f"{place.place}/{out}", listed)) is not None:
            if time.monotonic() > until:
                return f"{out}{'/' if wrong else ''}{wrong}"
            time.sleep(_AGAIN_S)
    return None


def bring(place: Place, outs: list[str]) -> None:
    """Bring these outputs, and whatever else the commands have left, into the project. Raises OSError."""
    for out in outs:
        source, target = Path(place.place, out), Path(place.root, out)
        if os.path.lexists(source):
            _put(source, Path(os.path.realpath(target)) if target.is_dir() else target)
    _drop_used_up(place)
    for folder in ("", *sorted(place.folders)):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for name in os.listdir(f"{place.place}/{folder}"):  # noqa: PTH208 - as names
                path = f"{folder}/{name}".lstrip("/")
                if path not in place.outs and path not in place.folders and not _is_ours(place, path, name):
                    _merge(Path(place.place, path), Path(place.root, path))


def _drop_used_up(place: Place) -> None:
    """Delete from the project what the stage had begun of an output, and has used up in its place."""
    for path in place.kept:
        folder, _, name = path.rpartition("/")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            there = os.listdir(f"{place.place}/{folder}")  # noqa: PTH208 - as names
            for begun in {*os.listdir(f"{place.root}/{folder}")} - {*there}:  # noqa: PTH208
                if is_begun(begun, name):
                    files.remove(Path(place.root, folder, begun))


def _is_ours(place: Place, path: str, name: str) -> bool:
    """Whether something in a place is a link that was made with it, or half-written."""
    at = f"{place.place}/{path}"
    is_link = os.path.islink(at) and os.readlink(at) == f"{place.root}/{path}"  # noqa: PTH114, PTH115
    return is_link or (name.startswith(files.TEMPORARY) and name.endswith(".tmp"))


def _unlike(path: str, listed: Mapping[str, tuple[int, str]]) -> str | None:
    """What is listed at a path and not seen there, or not of its size, or seen and not listed; None if nothing is."""
    try:
        sizes = {inside: os.stat(at).st_size for inside, at in members(path)}  # noqa: PTH116
    except OSError as error:
        return os.path.relpath(str(error.filename), path)
    wrong = {name for name in sizes.keys() | listed.keys() if name not in listed or sizes.get(name) != listed[name][0]}
    return min(wrong, default=None)


def _merge(source: Path, target: Path) -> None:
    """Put what was left at a path, of folders what is in them."""
    if source.is_dir() and not source.is_symlink() and target.is_dir() and not source.name.startswith(files.TEMPORARY):
        for inside in source.iterdir():
            _merge(inside, target / inside.name)
    else:
        _put(source, target)


def _put(source: Path, target: Path) -> None:
    """Put a file or folder in place of what is there, in one step for a file, in two for a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() or source.is_dir():
        old = files.beside(target)
        if os.path.lexists(target):
            target.rename(old)
        _move(source, target)
        files.remove(old)
    else:
        _move(source, target)


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        new = files.beside(target)
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, new, symlinks=True)
        else:
            shutil.copy2(source, new, follow_symlinks=False)
        new.replace(target)
        files.remove(source)
