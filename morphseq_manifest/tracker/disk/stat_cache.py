"""The stat cache: the hashes of files that have not been touched since they were read.

A file is the same if its size, times of change (mtime and ctime, ns) and inode are: ctime tells an edit that restores
the mtime. What changed within two seconds before it was looked at is not relied on the next time, since it could
have changed again without its stat telling (git's "racily clean" rule). Disposable: without it, files are read again.

A folder of many files is known by one digest of all their stats; what is known of each file lies in a file of its own,
which is read only if that digest is another.
"""

from pathlib import Path
from typing import TypeVar

import msgspec

from morphseq_manifest.base import files, kept
from morphseq_manifest.base.hashing import hash_path
from morphseq_manifest.base.kinds import known
from morphseq_manifest.base.reading import Known

_FOLDER = files.OWN / "stat"
_KEY = b"morphseq/stat/1."
Remembered = TypeVar("Remembered")


class KnownFolder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A folder: the digest of its files' stats, its md5 as DVC counts it, its size in bytes, its number of files.

    `apart` is as in Content.
    """

    digest: bytes
    md5: str
    size: int
    nfiles: int
    apart: str | None = None


class _Table(msgspec.Struct):
    files: dict[str, Known] = {}
    folders: dict[str, KnownFolder] = {}


class StatCache:
    """What is known of the files of the project in `root`; paths are from its folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / _FOLDER / "table"
        table = _decoded(kept.load(self._path, _KEY), _Table) or _Table()
        self.files, self.folders = table.files, table.folders
        self._changed = False

    def add_file(self, path: str, known: Known) -> None:
        """Remember a file."""
        self.files[path] = known
        self._changed = True

    def add_folder(self, path: str, known: KnownFolder) -> None:
        """Remember a folder as a whole."""
        self.folders[path] = known
        self._changed = True

    def members(self, path: str) -> dict[str, Known]:
        """What is known of the files in a folder, by their paths in it."""
        return _decoded(kept.load(self._members_path(path), _KEY), dict[str, Known]) or {}

    def add_members(self, path: str, known: dict[str, Known]) -> None:
        """Remember the files in a folder, and no others."""
        kept.store(self._members_path(path), _KEY, msgspec.msgpack.encode(known))

    def save(self) -> None:
        """Write down what was added."""
        if self._changed:
            kept.store(self._path, _KEY, msgspec.msgpack.encode(_Table(self.files, self.folders)))
            self._changed = False

    def _members_path(self, path: str) -> Path:
        return self._root / _FOLDER / hash_path(path)


def _decoded(data: memoryview | None, kind: type[Remembered]) -> Remembered | None:
    """What was remembered; None if nothing was, or in another form: files are read again."""
    try:
        return None if data is None else msgspec.msgpack.decode(data, type=known(kind))
    except msgspec.DecodeError:
        return None
