"""What is taken over, brought to its place in the project without a second copy of any image.

A folder of frames, in which no stage writes, becomes one link. A folder that a stage makes becomes a folder of hard
links, or of symbolic links if the lab's storage is another file system: when the stage runs again, it replaces the
project's folder, and the lab's own files stay. Tables are small, and DVC puts them into its cache: they are copied.
"""

import errno
import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError, UnreadableError

_IMPOSSIBLE = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK}


def bring(source: Path, place: Path, *, is_input: bool = False) -> None:
    """Bring what is at `source` to its place; what is there already is left as it is.

    Raises ContentError if that is something else, or if a file is empty; UnreadableError if there is no source.
    """
    if not source.exists():
        raise UnreadableError(f"{source}: not there")
    if os.path.lexists(place):
        if not _is_same(source, place):
            raise ContentError(f"{place}: is there already, and is not {source}. Move it away, or keep it")
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        with files.replacing(place) as temporary:
            shutil.copyfile(source, temporary)
    elif is_input:
        place.symlink_to(source.resolve())
    else:
        _link_folder(source.resolve(), place)


def _link_folder(source: Path, place: Path) -> None:
    """Make a folder of links; one that was begun before is gone on with, and none is there before it is whole."""
    begun, names = place.parent / f"{files.TEMPORARY}{place.name}.adopting", list(_names(source))
    for name in names:
        link = begun / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not (source / name).stat().st_size:
            raise ContentError(f"{source / name}: is empty")
        if not (link.exists() and link.samefile(source / name)):
            link.unlink(missing_ok=True)
            _link((source / name).resolve(), link)
    for name in set(_names(begun)) - set(names):
        (begun / name).unlink()
    begun.rename(place)


def _link(source: Path, link: Path) -> None:
    try:
        link.hardlink_to(source)
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise
        link.symlink_to(source)


def _names(folder: Path) -> Iterator[str]:
    """The files in a folder and in those inside, hidden ones aside, by their paths in it."""
    for inside, folders, names in os.walk(folder):
        folders.sort()
        prefix = os.path.relpath(inside, folder)
        yield from (os.path.normpath(f"{prefix}/{name}") for name in sorted(names) if not name.startswith("."))


def _is_same(source: Path, place: Path) -> bool:
    """Whether this is at the place already: the same file or folder, a copy of a table, a folder of the same files."""
    if not place.exists() or source.is_dir() != place.is_dir():
        return False
    if source.samefile(place):
        return True
    if source.is_file():
        return filecmp.cmp(source, place, shallow=False)
    ours, theirs = list(_names(place)), list(_names(source))
    return ours == theirs and all((source / name).samefile(place / name) for name in ours)
