"""Hashing files again, and comparing what they hold with what was recorded of them."""

import hashlib
import mmap
import os
import stat
import threading
from collections.abc import Callable, Sequence

import msgspec
import xxhash

from morphseq_manifest.tracker.disk.wrong import Wrong
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5

_BUFFER = 1 << 20
# Without O_NONBLOCK, opening a pipe that stands where a file should be would wait for ever.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_Buffer = tuple[memoryview]
_Use = Callable[[memoryview], object]


class Job(msgspec.Struct, frozen=True, gc=False):
    """What is recorded of one file, or of one folder as a whole.

    `path` from the project's folder; `size` in bytes, where known; `digest`: an xxh3_128 or, where `md5` is set, the
    md5 as dvc.lock has it. For a folder (an md5 ending in `.dir`), `files` are those to count in it, by their paths
    in it. `others` are digests that will do as well.
    """

    path: str
    size: int | None
    digest: str
    md5: bool = False
    files: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether it is about a folder as a whole."""
        return self.md5 and self.digest.endswith(".dir")

    @property
    def count(self) -> int:
        """How many files it is about."""
        return len(self.files) if self.is_folder else 1

    def paths(self, root: str) -> list[str]:
        """Where those files are."""
        place = f"{root}/{self.path}"
        return [f"{place}/{name}" for name in self.files] if self.is_folder else [place]


class Failure(msgspec.Struct, frozen=True):
    """A file that is not as recorded: where (from the project's folder), what is wrong, what was expected and found.

    `what` is damaged, missing or unreadable. A folder that is damaged as a whole stands here with its own path.
    """

    job: Job
    path: str
    what: Wrong
    expected: str
    found: str


class Batch(msgspec.Struct, frozen=True):
    """What became of some jobs: their files and size in bytes, proofs of what is as recorded, and what is not."""

    files: int
    size: int
    proofs: list[bytes]
    failures: list[Failure]


class OtherError(Exception):
    """What was found is not what is recorded. Arguments: expected, found."""


def seen(status: os.stat_result) -> str:
    """What a stat says of a file, as far as it would change with the content."""
    return f"\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\0{status.st_ino}"


def proof(job: Job, stats: str) -> bytes:
    """16 bytes that stand for: files with this path, and `seen` like this, had the content that `job` asks for."""
    return xxhash.xxh3_128_digest(f"{job.path}\0{job.digest}{stats}".encode(errors="surrogateescape"))


class Worker:
    """What hashes under the folder `root`, on any number of threads, each with a buffer used again for every file.

    It stops soon after the first byte of `stop` is set. There is no proof for a file whose inode changed after
    `settled_ns` (ns since 1970): within a tick of the clock it could change again without its stat telling.
    """

    def __init__(self, root: str, settled_ns: int, stop: mmap.mmap) -> None:
        self.root, self.settled_ns, self.stop = root, settled_ns, stop
        self.own = threading.local()

    def run(self, jobs: Sequence[Job]) -> Batch:
        """Hash a batch, or as much of it as there is time for."""
        size = files = 0
        proofs: list[bytes] = []
        failures: list[Failure] = []
        buffer = self._buffer()
        for job in jobs:
            try:
                digest, stats, changed_ns = self._folder(job, buffer) if job.is_folder else self._file(job, buffer)
                if digest != job.digest and digest not in job.others:
                    raise OtherError(job.digest, digest)
                if changed_ns < self.settled_ns:
                    proofs.append(proof(job, stats))
            except _StoppedError:
                break
            except (OSError, OtherError) as error:
                failures.append(self._failure(job, error))
            files += job.count
            size += job.size or 0
        return Batch(files, size, proofs, failures)

    def _file(self, job: Job, buffer: _Buffer) -> tuple[str, str, int]:
        """A file's digest, its stat, and when its inode last changed."""
        state = hashlib.md5(usedforsecurity=False) if job.md5 else xxhash.xxh3_128()
        status = self._read(f"{self.root}/{job.path}", state.update, job.size, buffer)
        return state.hexdigest(), seen(status), status.st_ctime_ns

    def _folder(self, job: Job, buffer: _Buffer) -> tuple[str, str, int]:
        """The same of a folder as a whole."""
        md5s, stats, changed_ns = {}, "", 0
        for name, path in zip(job.files, job.paths(self.root), strict=True):
            state = hashlib.md5(usedforsecurity=False)
            status = self._read(path, state.update, None, buffer)
            md5s[name] = state.hexdigest()
            stats += seen(status)
            changed_ns = max(changed_ns, status.st_ctime_ns)
        return folder_md5(md5s), stats, changed_ns

    def _read(self, path: str, use: _Use, size: int | None, buffer: _Buffer) -> os.stat_result:
        """Give a file's bytes to `use`. Raises OtherError where its kind or size is not the recorded one."""
        handle = os.open(path, _OPEN)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise OtherError("a file", "a folder" if stat.S_ISDIR(status.st_mode) else "no file")
            left = status.st_size
            if size is not None and left != size:
                raise OtherError(f"{size} bytes", f"{left} bytes")
            while left > 0 and (count := os.readv(handle, buffer)):
                if self.stop[0]:
                    raise _StoppedError
                use(buffer[0][:count])
                left -= count
            return status
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(handle)

    def _buffer(self) -> _Buffer:
        """A buffer that begins with a page: the kernel copies into any other at a quarter of the speed."""
        if not hasattr(self.own, "buffer"):
            self.own.buffer = (memoryview(mmap.mmap(-1, _BUFFER)),)
        buffer: _Buffer = self.own.buffer
        return buffer

    def _failure(self, job: Job, error: OSError | OtherError) -> Failure:
        if isinstance(error, OtherError):
            return Failure(job, job.path, Wrong.DAMAGED, *error.args)
        path = os.path.relpath(error.filename, self.root) if error.filename else job.path
        expected = job.digest if path == job.path else "a file"
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return Failure(job, path, Wrong.MISSING, expected, "nothing")
        return Failure(job, path, Wrong.UNREADABLE, expected, error.strerror or str(error))


class _StoppedError(Exception):
    """The work was called off."""
