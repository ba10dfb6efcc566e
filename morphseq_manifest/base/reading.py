"""Reading a file once for both of its hashes, and making sure that it did not change meanwhile."""

import hashlib
import mmap
import os
import stat
import threading

import xxhash

from morphseq_manifest.tracker.disk.stat_cache import Known, Stat

_BUFFER = 1 << 20
# Without O_NONBLOCK, opening a pipe that stands where a file should be would wait for ever.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_own = threading.local()


class ChangingError(Exception):
    """A file or folder changed while it was being looked at."""


def of(status: os.stat_result) -> Stat:
    """The part of a stat that would change with the content."""
    return Stat(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def read(path: str) -> Known:
    """The hashes of a file's bytes. Raises OSError, ChangingError, and ValueError where it is no regular file."""
    handle = os.open(path, _OPEN)
    try:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise ValueError("it is neither a file nor a folder")
        md5, xxh3 = hashlib.md5(usedforsecurity=False), xxhash.xxh3_128()
        buffer = _buffer()
        while count := os.readv(handle, (buffer,)):
            md5.update(buffer[:count])
            xxh3.update(buffer[:count])
        if of(os.fstat(handle)) != of(before):
            raise ChangingError(path)
        return Known(*of(before), md5.hexdigest(), xxh3.hexdigest())
    finally:
        os.close(handle)


def _buffer() -> memoryview:
    """A buffer of this thread's that begins with a page: the kernel copies into any other at a quarter of the speed."""
    if not hasattr(_own, "buffer"):
        _own.buffer = memoryview(mmap.mmap(-1, _BUFFER))
    buffer: memoryview = _own.buffer
    return buffer
