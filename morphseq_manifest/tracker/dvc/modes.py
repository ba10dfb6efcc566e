"""The modes that DVC gives to the files and folders of its cache, and to what it makes of them in the project."""

import os
from pathlib import Path
from typing import NamedTuple

# DVC's protection of a cached file: nobody may write to it, nor to what is linked to it.
PROTECTED = 0o444


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()
# That of a file which is copied out of the cache.
COPIED = 0o666 & ~_UMASK


class Modes(NamedTuple):
    """Of a folder in the cache, and of a file in it, or of one that was made writable, which DVC does not protect."""

    folder: int
    file: int


OWN = Modes(0o777 & ~_UMASK, COPIED)
# Of a cache that a group shares (`cache.shared`): who is in it may write there, and what is made there is the group's.
SHARED = Modes(0o2775, 0o664)


def make_folder(folder: Path, mode: int) -> None:
    """Make a folder, if it is not there, and those above that are missing; each gets this mode, whatever the umask."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)
