"""Writing that is never half done: files and folders appear whole, in one step, or not at all.

Temporary names begin with `.morphseq-`; .dvcignore leaves them out, so that one left by a killed process
is never taken for content.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import xxhash

from morphseq_manifest.base.errors import ConfigError, UnreadableError
from morphseq_manifest.base.small_files import read_small

TEMPORARY = ".morphseq-"
_SUFFIX = ".tmp"
_ABANDONED_S = 24 * 3600
_SYNCED_AT_ONCE = 16
_POINTER = b"version https://git-lfs.github.com/spec/v1"
# The project's own folder, a cache that is safe to delete; only in a project that DVC has a folder in.
OWN = Path(".dvc/tmp/morphseq")


def read_bytes(path: Path, remedy: str) -> bytes:
    """The bytes of a file. Raises UnreadableError naming it; `remedy` says what to do."""
    try:
        return fetched(read_small(path), path)
    except OSError as error:
        raise unreadable(path, error, remedy) from error


def fetched(data: bytes, path: Path) -> bytes:
    """The bytes with which a file begins. Raises UnreadableError if they are what git LFS leaves in its place."""
    if data.startswith(_POINTER):
        raise UnreadableError(f"{path}: only git LFS's pointer is here, not the file itself. `git lfs pull` brings it")
    return data


def read_text(path: Path, remedy: str, encoding_remedy: str) -> str:
    """The text of a file in UTF-8. Raises UnreadableError as `read_bytes` does, ConfigError if it is not UTF-8."""
    try:
        return read_bytes(path, remedy).decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}. {encoding_remedy}") from error


def unreadable(path: Path | str, error: OSError, remedy: str) -> UnreadableError:
    """The error that says that a file can't be read, why, and what to do."""
    return UnreadableError(f"{path}: can't be read ({error.strerror}). {remedy}")


def beside(path: Path) -> Path:
    """A temporary name in the same folder, which says which process of which machine it is of."""
    return path.parent / f"{TEMPORARY}{_machine()}-{os.getpid()}-{os.urandom(8).hex()}{_SUFFIX}"


@cache
def _machine() -> str:
    return xxhash.xxh3_64_hexdigest(platform.node().encode())[:8]


def sweep(folder: Path) -> None:
    """Delete the temporary files and folders in a folder, not in those inside, whose process is gone.

    One of another machine, or of an earlier release, whose name says no process, is left if it is younger than a day.
    """
    try:
        names = [name for name in os.listdir(folder) if name.startswith(TEMPORARY) and name.endswith(_SUFFIX)]  # noqa: PTH208
        for name in names:
            if _is_abandoned(folder / name):
                remove(folder / name)
    except OSError:
        return  # another sweeps too, or it is another user's: what is left does no harm


def _is_abandoned(path: Path) -> bool:
    machine, _, rest = path.name.removeprefix(TEMPORARY).partition("-")
    pid = rest.partition("-")[0]
    if machine == _machine() and pid.isdigit():
        return not _is_process(int(pid))
    return time.time() - path.lstat().st_mtime > _ABANDONED_S


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's
    return True


def remove(path: Path) -> None:
    """Delete a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_files(paths: list[Path]) -> None:
    """Wait until files are on the disk: for many at once, since one after another each waits for the disk alone."""
    from concurrent.futures import ThreadPoolExecutor  # slow to start with, and most commands write no folder

    def sync(path: Path) -> None:
        with path.open("rb") as file:
            os.fsync(file.fileno())

    with ThreadPoolExecutor(_SYNCED_AT_ONCE) as pool:
        list(pool.map(sync, paths))


def printable(name: str) -> str:
    """A file's name as it can be shown: what in it is not UTF-8 as `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


@contextmanager
def replacing(path: Path, *, durable: bool = True, follow: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder; when the block ends well, it becomes `path` (fsync, rename).

    If the block raises, the temporary file is deleted and `path` is unchanged. If not `durable`, this does not wait
    until the file is on the disk: after a power cut it may be damaged. If not `follow`, a link at `path` is replaced
    itself, not what it points to.
    """
    path = Path(os.path.realpath(path)) if follow else path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = beside(path)
    try:
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        if error.filename in {None, str(temporary)}:
            error.filename = str(path)  # a full disk names no file, and nobody knows the temporary one
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one step; its folders are made."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing_folders(folders: list[Path]) -> Iterator[list[Path]]:
    """Yield an empty temporary folder for each of `folders`; when the block ends well they take their places.

    Nothing is replaced before everything is written. A folder that is a symlink keeps its link: what it
    points to is replaced. If the block raises, the earlier folders are unchanged.
    """
    places = [Path(os.path.realpath(folder)) for folder in folders]
    temporaries = [beside(place) for place in places]
    try:
        for temporary in temporaries:
            temporary.mkdir(parents=True)
        yield temporaries
        for temporary in temporaries:
            _sync_files([path for path in temporary.rglob("*") if path.is_file()])
        for temporary, place in zip(temporaries, places, strict=True):
            _swap(temporary, place)
    except OSError as error:
        error.filename = error.filename or str(places[0])
        raise
    finally:
        import shutil  # slow to start with, and most commands write no folder

        for temporary in temporaries:
            shutil.rmtree(temporary, ignore_errors=True)


def _swap(new: Path, place: Path) -> None:
    """Put `new` where `place` is; what was there is deleted."""
    if place.exists():
        import shutil

        old = beside(place)
        place.rename(old)
        new.rename(place)
        shutil.rmtree(old)
    else:
        new.rename(place)
    _sync_folder(place.parent)
