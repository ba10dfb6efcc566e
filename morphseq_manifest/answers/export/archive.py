"""Reading a crate that anybody may have sent, from a folder or a zip; nothing is unpacked, and no link followed."""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol
from zipfile import BadZipFile, ZipFile, ZipInfo

from morphseq_manifest.answers.export.hashes import Described, Hashing
from morphseq_manifest.answers.export.writing import MARK, entry
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.reading import feed
from morphseq_manifest.base.small_files import read_small

_PIECE = 1 << 20
_MOST_BYTES = 1 << 30
# What reading a zip with any byte changed can raise.
DAMAGED = (
    BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, struct.error, zlib.error, OverflowError,
    LookupError,
)  # fmt: skip


class Archive(Protocol):
    """The files of a crate."""

    def names(self) -> list[str]:
        """The paths of all files, with `/`; each as often as it is there."""

    def read(self, name: str) -> bytes:
        """The content of a small file. Raises ContentError, OSError."""

    def describe(self, name: str) -> Described:
        """Size and hashes of a file. Raises ContentError, OSError."""

    def faults(self) -> Iterator[str]:
        """What is wrong with what the files are in."""


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The crate at `path`. Raises UnreadableError if there is nothing, ContentError if it is neither folder nor zip."""
    if path.is_dir():
        yield _Folder(path)
        return
    if not path.exists():
        raise UnreadableError(f"{path}: not there. Name a folder or zip that `morphseq export` wrote")
    if not path.is_file():  # a pipe would have us wait
        raise ContentError(f"{path}: neither a folder nor a file")
    with path.open("rb") as file, _as_zip(path, file) as archive:
        yield _Zip(path, file, archive)


def _as_zip(path: Path, file: IO[bytes]) -> ZipFile:
    try:
        return ZipFile(file)
    except DAMAGED as error:
        raise ContentError(f"{path}: neither a folder nor a whole zip: {error}. Get it again") from error


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._odd: list[str] = []

    def names(self) -> list[str]:
        found, self._odd = [], []
        for folder, inside, names in os.walk(self._path, onerror=_fail):
            links = [name for name in inside if os.path.islink(f"{folder}/{name}")]  # noqa: PTH114
            for name in (*names, *links):
                place = Path(folder, name)
                relative = place.relative_to(self._path).as_posix()
                found.append(relative)
                if place.is_symlink() or not place.is_file():
                    self._odd.append(relative)
        return sorted(found)

    def read(self, name: str) -> bytes:
        return read_small(self._place(name))

    def describe(self, name: str) -> Described:
        hashing = Hashing()
        feed(str(self._place(name)), (hashing,))
        return hashing.described()

    def faults(self) -> Iterator[str]:
        return iter(())

    def _place(self, name: str) -> Path:
        if name in self._odd:
            raise ContentError(f"{name}: a link, or not a file")
        return self._path / name


def _fail(error: OSError) -> None:
    raise files.unreadable(error.filename, error, "Restore its permissions") from error


class _Zip:
    def __init__(self, path: Path, file: IO[bytes], archive: ZipFile) -> None:
        self._path, self._file, self._archive = path, file, archive

    def names(self) -> list[str]:
        return sorted(info.filename for info in self._archive.infolist() if not info.is_dir())

    def read(self, name: str) -> bytes:
        pieces = []
        size = 0
        for piece in self._pieces(name):
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_BYTES:
                raise ContentError(f"{name}: more than {_MOST_BYTES:,} bytes")
        return b"".join(pieces)

    def describe(self, name: str) -> Described:
        hashing = Hashing()
        for piece in self._pieces(name):
            hashing.update(piece)
        return hashing.described()

    def _pieces(self, name: str | ZipInfo) -> Iterator[bytes]:
        try:
            with self._archive.open(name) as file:
                while piece := file.read(_PIECE):
                    yield piece
        except DAMAGED as error:
            raise ContentError(f"{name}: damaged in the zip: {error}") from error

    def faults(self) -> Iterator[str]:
        """A zip that was written here has no byte that can be another; one that others packed may have any form."""
        comment = self._archive.comment
        if comment == MARK:
            sink = _Comparing(self._file)
            try:
                with ZipFile(sink, "w") as again:  # type: ignore[call-overload]
                    again.comment = MARK
                    for info in self._archive.infolist():
                        with again.open(entry(info.filename, info.file_size), "w") as out:
                            for piece in self._pieces(info):
                                out.write(piece)
            except (ContentError, *DAMAGED) as error:
                yield str(error)
                return
            if not sink.is_same():
                yield "its own bytes, beside the files in it, are not those that export writes"
        elif comment:
            yield "its comment is not the one that export writes, and who packs a zip again leaves it out"
        elif self._ends_with_more():
            yield "it does not end with its list of files"

    def _ends_with_more(self) -> bool:
        """Whether something stands after the end of the zip's list of files."""
        self._file.seek(-min(22, self._file.seek(0, os.SEEK_END)), os.SEEK_END)
        return not self._file.read().startswith(b"PK\5\6")


class _Comparing:
    """What is written to it is held against what stands at the same place of a file; a place may be written again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._at, self._size = file, 0, 0
        self._other: set[tuple[int, int]] = set()

    def write(self, data: bytes) -> int:
        """Compare these bytes."""
        self._file.seek(self._at)
        place = (self._at, len(data))
        (self._other.discard if self._file.read(len(data)) == data else self._other.add)(place)
        self._at += len(data)
        self._size = max(self._size, self._at)
        return len(data)

    def tell(self) -> int:
        """Where the next bytes stand."""
        return self._at

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        self._at = place + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def flush(self) -> None:
        """Nothing waits."""

    def is_same(self) -> bool:
        """Whether the file is what was written, and no more."""
        return not self._other and self._size == self._file.seek(0, os.SEEK_END)
