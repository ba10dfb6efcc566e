"""Hashing many files again, on several threads, and comparing what they hold with what was recorded.

Files go to the threads in batches of a few MB, so that small ones cost little more than reading them.
"""

import hashlib
import mmap
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from queue import Queue
from typing import Any, NamedTuple

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

    `path` from the project's folder; `size` in bytes, where known; `digest`: xxh3_128 or, where `md5` is set, the md5
    as dvc.lock has it. For a folder (an md5 ending in `.dir`), `files` are those to count in it, by their paths in it.
    `others` are digests that will do as well.
    """

    path: str
    size: int | None
    digest: str
    md5: bool = False
    files: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many files it is about."""
        return len(self.files) if self.digest.endswith(".dir") else 1


class Failure(NamedTuple):
    """A job that did not end well: what is wrong (damaged, missing, unreadable), and what was found."""

    job: Job
    what: str
    found: str


class Batch(NamedTuple):
    """What became of some jobs: files and bytes that are as recorded, proofs of that, and the failures."""

    files: int
    bytes: int
    proofs: list[bytes]
    failures: list[Failure]


class NotAsRecordedError(Exception):
    """A file's size or kind shows, without reading it, that it is not the recorded one."""


def proof(job: Job, statuses: Iterable[os.stat_result]) -> bytes:
    """16 bytes that stand for: these files, by their stat, had the content that `job` asks for."""
    seen = "".join(f"\0{s.st_size}\0{s.st_mtime_ns}\0{s.st_ctime_ns}\0{s.st_ino}" for s in statuses)
    return xxhash.xxh3_128_digest(os.fsencode(f"{job.path}\0{job.digest}{seen}"))


def paths(root: str, job: Job) -> list[str]:
    """Where the files of a job are."""
    place = os.path.join(root, job.path)  # noqa: PTH118 - half a million of them
    return [f"{place}/{name}" for name in job.files] if job.digest.endswith(".dir") else [place]


def rehash(root: str, jobs: Iterable[Job], settled_ns: int, threads: int = THREADS) -> Iterator[Batch]:
    """Hash what `jobs` name under `root`; yields what became of them, a batch at a time, in any order.

    There is no proof for a file whose inode changed after `settled_ns` (ns since 1970): within a clock tick of its
    hashing it could change again without its stat telling. Closing the iterator ends the threads.
    """
    waiting = _batches(jobs)
    lock, stop = threading.Lock(), threading.Event()
    done: Queue[Batch | BaseException | None] = Queue(maxsize=4 * threads)

    def work() -> None:
        worker = _Worker(root, settled_ns, stop)
        try:
            while not stop.is_set():
                with lock:
                    batch = next(waiting, None)
                if batch is None:
                    break
                done.put(worker.run(batch))
            done.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            done.put(error)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    try:
        for thread in workers:
            thread.start()
        yield from _collect(done, threads)
    finally:
        stop.set()
        while any(thread.is_alive() for thread in workers):
            _drain(done, workers)


def _collect(done: "Queue[Batch | BaseException | None]", working: int) -> Iterator[Batch]:
    while working:
        item = done.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            working -= 1
        else:
            yield item


def _drain(done: "Queue[Batch | BaseException | None]", workers: list[threading.Thread]) -> None:
    """Make room for what stopping threads still want to say, and wait for one of them a little."""
    while not done.empty():
        done.get()
    next(thread for thread in [*workers, threading.current_thread()] if thread.is_alive()).join(0.01)
