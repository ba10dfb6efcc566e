"""The one loop that reads a file for its hashes, and what of a stat tells whether a file was touched since."""

import contextlib
import errno
import mmap
import os
import stat
import sys
import threading
import time
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import xxhash

_BUFFER_BYTES = 1 << 20
# Without O_NONBLOCK, opening a pipe that stands where a file should be would wait for a writer.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_NEVER = b"\0"
_SMALL_BYTES = 1 << 30
# What changed so shortly before it was looked at is not relied on the next time: it could have changed again without
# its stat telling (git's "racily clean" rule).
SETTLED_NS = 2_000_000_000
# A page that a program has written through a memory map changes the file's times once, until it is on the disk. The
# system takes half a minute at most to put it there.
_WRITTEN_BACK_NS = 120_000_000_000
_own = threading.local()
_numbers = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")


class Stat(NamedTuple):
    """What a stat says of a file, as far as it would change with the content; times in ns since 1970."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def stat_of(status: os.stat_result) -> Stat:
    """The part of a stat that would change with the content."""
    return tuple.__new__(Stat, _numbers(status))  # Stat(...) takes longer, and this is done for every file


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file's stat when it was read, and the hashes of what was read."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    md5: str
    xxh3_128: str

    def fits(self, seen: Stat) -> bool:
        """Whether the file has not been touched since."""
        return (self.size, self.mtime_ns, self.ctime_ns, self.inode) == seen


class NotAFileError(OSError):
    """A folder, a pipe or a device stands where a file should be."""


class OtherSizeError(Exception):
    """A file has another size than expected. Arguments: expected and found, in bytes."""


class ChangingError(Exception):
    """A file or folder changed while it was being looked at."""


class CalledOffError(Exception):
    """The reading was called off before its end."""


class Hash(Protocol):
    """What takes a file's bytes, piece by piece."""

    def update(self, piece: memoryview, /) -> None:
        """Take the next piece."""


class Flag(Protocol):
    """What can be set by another thread or process: a bytearray, or a mapped page."""

    def __getitem__(self, index: int, /) -> int:
        """The byte at `index`."""


def feed(
    path: str, hashes: Sequence[Hash], *, size: int | None = None, stop: Flag = _NEVER, steady: bool = False
) -> Stat:
    """Give the bytes of a file to `hashes`, in pieces of at most 1 MiB; returns its stat from before.

    If `size` (bytes) is given, a file of any other size is refused unread. Raises CalledOffError soon after the first
    byte of `stop` is set; if `steady`, ChangingError if the stat afterwards is another; OSError with the file's name,
    and as one of these NotAFileError for what is not a regular file.
    """
    handle = os.open(path, _OPEN)
    try:
        status = os.fstat(handle)
        check_regular(status)
        before = stat_of(status)
        if size is not None and before.size != size:
            raise OtherSizeError(size, before.size)
        if SETTLED_NS <= time.time_ns() - before.ctime_ns < _WRITTEN_BACK_NS:
            _write_back(handle)
        left = sys.maxsize if size is None else size
        buffers = _buffers()
        while left > 0 and (count := os.readv(handle, buffers)):
            if stop[0]:
                raise CalledOffError(path)
            piece = buffers[0][:count]
            for state in hashes:
                state.update(piece)
            left -= count
        if steady and stat_of(os.fstat(handle)) != before:
            raise ChangingError(path)
        return before
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(handle)


def read_small(path: Path, last: int | None = None) -> bytes:
    """The bytes of a small file, at once, or only so many at its end.

    Raises as `feed` does, and OSError for a file of more than 1 GiB.
    """
    handle = os.open(path, _OPEN)
    try:
        check_regular(os.fstat(handle))
        if os.fstat(handle).st_size > _SMALL_BYTES:
            raise OSError(errno.EFBIG, f"more than {_SMALL_BYTES:,} bytes")
        with open(handle, "rb", buffering=0, closefd=False) as file:
            file.seek(0 if last is None else max(os.fstat(handle).st_size - last, 0))
            return file.readall()
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(handle)


def check_regular(status: os.stat_result) -> None:
    """Raise NotAFileError if this is no regular file, from which some program would wait for bytes for ever."""
    if not stat.S_ISREG(status.st_mode):
        raise _not_a_file(status)


def read(path: str, stop: Flag = _NEVER) -> Known:
    """Read a file for both of its hashes. Raises as `feed` does, ChangingError too."""
    import hashlib  # slow to start with: it loads all of OpenSSL

    md5, xxh3 = hashlib.md5(usedforsecurity=False), xxhash.xxh3_128()
    before = feed(path, (md5, xxh3), stop=stop, steady=True)
    return Known(*before, md5.hexdigest(), xxh3.hexdigest())


def _write_back(handle: int) -> None:
    """Put what was written through a memory map on the disk, so that the next write through it changes the times."""
    with contextlib.suppress(OSError):  # some file systems can't, or don't need to
        os.fdatasync(handle)


def _not_a_file(status: os.stat_result) -> NotAFileError:
    if stat.S_ISDIR(status.st_mode):
        return NotAFileError(errno.EISDIR, os.strerror(errno.EISDIR))
    return NotAFileError(errno.EINVAL, "not a regular file")


def _buffers() -> tuple[memoryview]:
    """A buffer of this thread's that begins with a page: the kernel copies into any other at a quarter of the speed.

    It is private: a process forked from this one must not read into the same memory.
    """
    try:
        buffers: tuple[memoryview] = _own.buffers
    except AttributeError:
        private = mmap.mmap(-1, _BUFFER_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        buffers = _own.buffers = (memoryview(private),)
    return buffers
