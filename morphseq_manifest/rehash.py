"""Hashing many files again, on several threads, and comparing what they hold with what was recorded.

Files go to the threads in batches of a few MB, so that a small one costs little more than reading it.
"""

import hashlib
import mmap
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import msgspec
import xxhash

from morphseq_manifest.contents import folder_md5

# Reading waits for storage more than for the processor.
THREADS = 8
_BATCH_BYTES = 8 << 20
_BATCH_FILES = 256
_BUFFER = 1 << 20
# Without O_NONBLOCK, opening a pipe that stands where a file should be would wait for ever.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


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
        return self.digest.endswith(".dir")

    @property
    def count(self) -> int:
        """How many files it is about."""
        return len(self.files) if self.is_folder else 1

    def paths(self, root: str) -> list[str]:
        """Where those files are."""
        place = f"{root}/{self.path}"
        return [f"{place}/{name}" for name in self.files] if self.is_folder else [place]


class Failure(NamedTuple):
    """A file that is not as recorded: where (from the project's folder), what is wrong, what was expected and found.

    `what` is damaged, missing or unreadable. A folder that is damaged as a whole stands here with its own path.
    """

    job: Job
    path: str
    what: str
    expected: str
    found: str


class Batch(NamedTuple):
    """What became of some jobs: their files and size in bytes, proofs of what is as recorded, and what is not."""

    files: int
    size: int
    proofs: list[bytes]
    failures: list[Failure]


class OtherError(Exception):
    """What was found is not what is recorded. Arguments: expected, found."""


def proof(job: Job, statuses: Iterable[os.stat_result]) -> bytes:
    """16 bytes that stand for: files with this path and stat had the content that `job` asks for."""
    seen = "".join([f"\0{s.st_size}\0{s.st_mtime_ns}\0{s.st_ctime_ns}\0{s.st_ino}" for s in statuses])
    return xxhash.xxh3_128_digest(os.fsencode(f"{job.path}\0{job.digest}{seen}"))


def rehash(root: str, jobs: Iterable[Job], settled_ns: int) -> Generator[Batch, None, None]:
    """Hash what `jobs` name under `root`; yields what became of them, a batch at a time, in order.

    There is no proof for a file whose inode changed after `settled_ns` (ns since 1970): within a tick of the clock it
    could change again without its stat telling. Closing the iterator ends the threads.
    """
    stop = threading.Event()
    worker = _Worker(root, settled_ns, stop)
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for batch in _batches(jobs):
                waiting.append(pool.submit(worker.run, batch))
                if len(waiting) > 2 * THREADS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            for future in waiting:
                future.cancel()


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    batch: list[Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += job.size or 0
        if size >= _BATCH_BYTES or len(batch) == _BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Worker:
    """What the threads run. Each has a buffer of its own, used again for every file."""

    def __init__(self, root: str, settled_ns: int, stop: threading.Event) -> None:
        self.root, self.settled_ns, self.stop = root, settled_ns, stop
        self.own = threading.local()

    def run(self, jobs: list[Job]) -> Batch:
        """Hash a batch, or as much of it as there is time for."""
        size = files = 0
        proofs: list[bytes] = []
        failures: list[Failure] = []
        for job in jobs:
            try:
                digest, statuses = self._hash(job)
                if digest != job.digest and digest not in job.others:
                    raise OtherError(job.digest, digest)
                if all([status.st_ctime_ns < self.settled_ns for status in statuses]):
                    proofs.append(proof(job, statuses))
            except _StoppedError:
                break
            except (OSError, OtherError) as error:
                failures.append(self._failure(job, error))
            files += job.count
            size += job.size or 0
        return Batch(files, size, proofs, failures)

    def _hash(self, job: Job) -> tuple[str, list[os.stat_result]]:
        paths = job.paths(self.root)
        if job.is_folder:
            states = [hashlib.md5(usedforsecurity=False) for _ in paths]
            statuses = [self._read(path, state.update, None) for path, state in zip(paths, states, strict=True)]
            md5s = [state.hexdigest() for state in states]
            return folder_md5(dict(zip(job.files, md5s, strict=True))), statuses
        state = hashlib.md5(usedforsecurity=False) if job.md5 else xxhash.xxh3_128()
        status = self._read(paths[0], state.update, job.size)
        return state.hexdigest(), [status]

    def _read(self, path: str, use: Callable[[memoryview], None], size: int | None) -> os.stat_result:
        """Give a file's bytes to `use`, in pieces. Raises OtherError where its kind or size is not as recorded."""
        buffer, view = self._buffer()
        handle = os.open(path, _OPEN)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise OtherError("a file", "a folder" if stat.S_ISDIR(status.st_mode) else "no file")
            left = status.st_size
            if size is not None and left != size:
                raise OtherError(f"{size} bytes", f"{left} bytes")
            while left > 0 and (count := os.readv(handle, buffer)):
                if self.stop.is_set():
                    raise _StoppedError
                use(view[:count])
                left -= count
            return status
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(handle)

    def _buffer(self) -> tuple[list[mmap.mmap], memoryview]:
        """A buffer that begins with a page: the kernel copies into any other at a quarter of the speed."""
        if not hasattr(self.own, "buffer"):
            buffer = mmap.mmap(-1, _BUFFER)
            self.own.buffer = [buffer], memoryview(buffer)
        found: tuple[list[mmap.mmap], memoryview] = self.own.buffer
        return found

    def _failure(self, job: Job, error: OSError | OtherError) -> Failure:
        if isinstance(error, OtherError):
            return Failure(job, job.path, "damaged", *error.args)
        path = os.path.relpath(error.filename, self.root) if error.filename else job.path
        expected = job.digest if path == job.path else "a file"
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return Failure(job, path, "missing", expected, "nothing")
        return Failure(job, path, "unreadable", expected, error.strerror or str(error))


class _StoppedError(Exception):
    """The work was called off."""
