"""Writing a crate, as a folder or as a zip: it appears whole, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO
from zipfile import ZipFile, ZipInfo

from morphseq_manifest.answers.export.hashes import Described, Hashing
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.reading import ChangingError, feed
from morphseq_manifest.tracker.dvc.stages import parents

ZIP = ".zip"
# At the end of a zip that was written here, and not packed again by others.
MARK = b"morphseq export 1"
_UNIX, _FILE, _FOLDER = 3, 0o100644 << 16, (0o40755 << 16) | 0x10
Open = Callable[[str, int], AbstractContextManager[IO[bytes]]]


class Writing:
    """A crate that is being written, file by file; `described` is what was written so far."""

    def __init__(self, open_: Open) -> None:
        self._open = open_
        self.described: dict[str, Described] = {}

    def add(self, path: str, content: bytes | Path) -> None:
        """Write a file of the crate: these bytes, or those of another file. Raises OSError and ContentError."""
        hashing = Hashing()
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        with self._open(path, size) as out:
            if isinstance(content, bytes):
                hashing.update(content)
                out.write(content)
            else:
                _copy(content, out, hashing)
        self.described[path] = hashing.described()


class _Copy:
    """What takes a file's bytes and writes them."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def update(self, piece: memoryview, /) -> None:
        try:
            self._out.write(piece)
        except OSError as error:
            raise _NotWrittenError(error) from error


class _NotWrittenError(Exception):
    """What is wrong is what is written to, not what is read."""


def _copy(path: Path, out: IO[bytes], hashing: Hashing) -> None:
    try:
        feed(str(path), (hashing, _Copy(out)), steady=True)
    except ChangingError as error:
        raise ContentError(f"{path}: changed while it was read. Export again when nothing writes it") from error
    except _NotWrittenError as error:
        raise OSError(*error.args[0].args) from error


@contextmanager
def crate(path: Path) -> Iterator[Writing]:
    """Yield what writes a crate; when the block ends well, it is at `path`: a zip if that ends with .zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.sweep(path.parent)
    if is_zip(path):
        with files.replacing(path) as temporary, ZipFile(temporary, "w") as archive:
            archive.comment = MARK
            yield Writing(_in(archive))
        return
    with files.replacing_folders([path]) as (folder,):
        yield Writing(lambda name, _: _opened(folder / name))


def _in(archive: ZipFile) -> Open:
    """What begins a file in a zip, and before it the folders that it is in: a reader asks for those, too."""
    folders: set[str] = set()

    def begin(name: str, size: int) -> IO[bytes]:
        for folder in reversed([*parents(name)]):
            if folder not in folders:
                folders.add(folder)
                archive.open(entry(f"{folder}/", 0), "w").close()
        return archive.open(entry(name, size), "w")

    return begin


def is_zip(path: Path) -> bool:
    """Whether a crate at this path is a zip."""
    return path.suffix.lower() == ZIP


def entry(name: str, size: int) -> ZipInfo:
    """A file or folder (`/` at its end) in a zip, whenever and by whomever it is written."""
    found = ZipInfo(name)
    found.create_system, found.external_attr, found.file_size = _UNIX, (_FOLDER if name[-1:] == "/" else _FILE), size
    return found


def _opened(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")
