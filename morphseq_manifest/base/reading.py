"""The one loop that reads a file for its hashes, and what of a stat tells whether a file was touched since."""

import mmap
import os
import sys
import threading
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple, Protocol

import msgspec
import xxhash

from morphseq_manifest.base.small_files import OPEN, check_regular, write_back

_BUFFER_BYTES = 1 << 20
_NEVER = b"\0"
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
    handle = os.open(path, OPEN)
    try:
        status = os.fstat(handle)
        check_regular(status)
        before = stat_of(status)
        if size is not None and before.size != size:
            raise OtherSizeError(size, before.size)
        write_back(handle, before.ctime_ns)
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


def read(path: str, stop: Flag = _NEVER) -> Known:
    """Read a file for both of its hashes. Raises as `feed` does, ChangingError too."""
    import hashlib  # slow to start with: it loads all of OpenSSL

    md5, xxh3 = hashlib.md5(usedforsecurity=False), xxhash.xxh3_128()
    before = feed(path, (md5, xxh3), stop=stop, steady=True)
    return Known(*before, md5.hexdigest(), xxh3.hexdigest())


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
