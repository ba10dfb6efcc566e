"""Reading small files at once; a pipe or a device that stands where a file should be is refused without waiting."""

import contextlib
import errno
import os
import stat
import time

from morphseq_manifest.base import sources

# Without O_NONBLOCK, opening a pipe that stands where a file should be would wait for a writer.
OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_SMALL_BYTES = 1 << 30
# What changed so shortly before it was looked at is not relied on the next time: it could have changed again without
# its stat telling (git's "racily clean" rule).
SETTLED_NS = 2_000_000_000
# A page that a program has written through a memory map changes the file's times once, until it is on the disk. The
# system takes half a minute at most to put it there.
_WRITTEN_BACK_NS = 120_000_000_000
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has the latter alone


class NotAFileError(OSError):
    """A folder, a pipe or a device stands where a file should be."""


def read_small(path: "str | os.PathLike[str]", last: int | None = None) -> bytes:
    """The bytes of a small file, at once, or only so many at its end; an answer may be made of it.

    Raises OSError with the file's name, also for one of more than 1 GiB, and as one NotAFileError for what is not a
    regular file.
    """
    gathered = sources.add(path)
    return _read(path, os.open(path, OPEN), last, gathered)


def read_own(path: "str | os.PathLike[str]", last: int | None = None) -> bytes:
    """The same of a file of our own that is only kept for the next time: no answer is made of it; nor is it a link."""
    return _read(path, os.open(path, OPEN | os.O_NOFOLLOW), last, False)


def _read(path: "str | os.PathLike[str]", handle: int, last: int | None, gathered: bool) -> bytes:
    try:
        status = os.fstat(handle)
        check_regular(status)
        if status.st_size > _SMALL_BYTES:
            raise OSError(errno.EFBIG, f"more than {_SMALL_BYTES:,} bytes")
        if gathered:
            write_back(handle, status.st_ctime_ns)
        with open(handle, "rb", buffering=0, closefd=False) as file:
            file.seek(0 if last is None else max(status.st_size - last, 0))
            return file.readall()
    except OSError as error:
        error.filename = os.fspath(path)
        raise
    finally:
        os.close(handle)


def check_regular(status: os.stat_result) -> None:
    """Raise NotAFileError if this is no regular file, from which some program would wait for bytes for ever."""
    if stat.S_ISDIR(status.st_mode):
        raise NotAFileError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError(errno.EINVAL, "not a regular file")


def write_back(handle: int, ctime_ns: int) -> None:
    """Put on the disk what may have been written through a memory map; the next write through it changes the times."""
    if SETTLED_NS <= time.time_ns() - ctime_ns < _WRITTEN_BACK_NS:
        with contextlib.suppress(OSError):  # some file systems can't, or don't need to
            _sync(handle)
