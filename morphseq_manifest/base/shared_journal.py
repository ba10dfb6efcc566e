"""A journal of several people: a folder with a file for each user, to which that user's processes append.

Nobody writes to another's file, and a line that is damaged is as if it were not there. No link is followed.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import described
from morphseq_manifest.base.journal import Record, as_line, parse_line
from morphseq_manifest.base.small_files import check_regular, read_own

# A pipe that stands there must not make it wait.
_OPEN = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_ACCESS = 0o666
# More of a file, or more files, are not looked at: they may be a stranger's.
_MOST_BYTES = 8 << 20
_MOST_FILES = 100


def append(folder: Path, records: Sequence[msgspec.Struct]) -> None:
    """Add records to the user's own file, which others may read as they may read the folder. Raises OSError."""
    _make(folder)
    path = _own(folder)
    try:
        handle = os.open(path, _OPEN, _ACCESS)
        try:
            status = os.fstat(handle)
            check_regular(status)
            if status.st_size == 0:
                with contextlib.suppress(PermissionError):
                    os.fchmod(handle, _mode_in(folder))
            is_cut = status.st_size > 0 and os.pread(handle, 1, status.st_size - 1) != b"\n"
            os.write(handle, b"\n" * is_cut + b"".join(map(as_line, records)))  # in one, so that two do not mix theirs
        finally:
            os.close(handle)
    except OSError as error:
        error.filename = str(path)
        raise


def read(folder: Path, kind: type[Record]) -> tuple[list[Record], list[str]]:
    """The records of all users, each user's in their order; and of what can't be read, why."""
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith(files.TEMPORARY))  # noqa: PTH208
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [described(error)]
    records: list[Record] = []
    unread = [f"{folder}: only {_MOST_FILES} of {len(names)} files are looked at"] * (len(names) > _MOST_FILES)
    for name in names[:_MOST_FILES]:
        try:
            records += _read(folder / name, kind)
        except OSError as error:
            unread.append(described(error))
    return records, unread


def shrink(folder: Path, kind: type[Record], most_bytes: int, keep: Callable[[list[Record]], list[Record]]) -> None:
    """If the user's own file has more bytes, leave in it what `keep` chooses of its records. Raises OSError."""
    path = _own(folder)
    if not path.exists() or path.lstat().st_size <= most_bytes:
        return
    kept = keep(_read(path, kind))
    with files.replacing(path, durable=False, follow=False) as temporary:
        temporary.write_bytes(b"".join(map(as_line, kept)))
        temporary.chmod(_mode_in(folder))


def _read(path: Path, kind: type[Record]) -> list[Record]:
    lines = read_own(path, _MOST_BYTES).split(b"\n")
    return [record for line in lines if (record := parse_line(line, kind)) is not None]


def _own(folder: Path) -> Path:
    return folder / str(os.geteuid())


def _make(folder: Path) -> None:
    """Make the folder, in which others may do what they may in the one that it is in. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(stat.S_IMODE(folder.parent.stat().st_mode))


def _mode_in(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode) & _ACCESS
