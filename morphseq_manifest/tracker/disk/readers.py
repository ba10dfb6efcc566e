"""Spreading jobs over threads, and over processes where files are small.

Reading waits for storage more than for the processor, so there are more readers than processors. Hashing a large
file leaves the interpreter to other threads; of a small file little more than the interpreter's work remains, and
threads would only wait for each other.
"""

import mmap
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.tracker.disk.rehash import Batch, Job, Worker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

READERS = 8
_BATCH_BYTES = 8 << 20
_BATCH_FILES = 256
_SMALL_BYTES = 1 << 17
# Fewer small files than this take less time than starting the processes.
_WORTH_PROCESSES = 8 * _BATCH_FILES


@contextmanager
def hashing(root: str, jobs: Sequence[Job], settled_ns: int) -> Iterator[Iterator[Batch]]:
    """Hash what `jobs` name under `root`; yields an iterator of what became of them, a batch at a time, in any order.

    Leaving the block ends the readers. `settled_ns` as Worker has it. The iterator raises UnreadableError where the
    system ended a reader.
    """
    small: list[Job] = []
    large: list[Job] = []
    for job in jobs:
        (small if job.size is not None and job.size <= _SMALL_BYTES and not job.is_folder else large).append(job)
    if sys.platform != "linux" or len(small) < _WORTH_PROCESSES:
        small, large = [], list(jobs)
    stop = mmap.mmap(-1, 1)
    worker = Worker(root, settled_ns, stop)
    with _processes(worker, small) as some, _threads(worker, large) as rest:
        try:
            yield chain(some, rest)
        finally:
            stop[0] = 1


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


@contextmanager
def _threads(worker: Worker, jobs: Sequence[Job]) -> Iterator[Iterator[Batch]]:
    """Hash on threads of this process, which start with the first batch asked for."""
    batches, lock = _batches(jobs), threading.Lock()
    done: SimpleQueue[Batch | BaseException | None] = SimpleQueue()

    def work() -> None:
        try:
            while not worker.stop[0]:
                with lock:
                    batch = next(batches, None)
                if batch is None:
                    break
                done.put(worker.run(batch))
            done.put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the results are taken
            done.put(error)

    threads = [threading.Thread(target=work) for _ in range(READERS)]

    def results() -> Iterator[Batch]:
        for thread in threads:
            thread.start()
        for _ in threads:
            while (item := done.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item

    try:
        yield results()
    finally:
        for thread in threads:
            if thread.ident:
                thread.join()


@contextmanager
def _processes(worker: Worker, jobs: list[Job]) -> Iterator[Iterator[Batch]]:
    """Hash on forked processes, which have the jobs by inheritance; each sends a None after its last batch."""
    if not jobs:
        yield iter(())
        return
    import multiprocessing

    context = multiprocessing.get_context("fork")
    batches = [jobs[start : start + _BATCH_FILES] for start in range(0, len(jobs), _BATCH_FILES)]
    readers: list[Connection[Any, Any]] = []
    processes = []
    count = min(READERS, 2 * (os.cpu_count() or 1))
    with _uninterrupted():
        for number in range(count):
            reader, writer = context.Pipe(duplex=False)
            readers.append(reader)
            share = batches[number::count]
            process = context.Process(target=_reader, args=(worker, share, writer, readers), daemon=True)
            process.start()
            processes.append(process)
            writer.close()
    try:
        yield _received(readers)
    finally:
        for reader in readers:
            reader.close()
        for process in processes:
            process.join()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes started in this block have no Ctrl-C: a terminal sends it to all, but it is for this one."""
    import signal

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reader(
    worker: Worker, batches: list[list[Job]], writer: "Connection[Any, Any]", inherited: "list[Connection[Any, Any]]"
) -> None:
    """What a process runs. When the parent is gone, nobody holds the other end of the pipe, and sending ends it."""
    for reader in inherited:
        reader.close()
    with suppress(BrokenPipeError):
        for batch in batches:
            writer.send(worker.run(batch))
        writer.send(None)


def _received(readers: "list[Connection[Any, Any]]") -> Iterator[Batch]:
    from multiprocessing.connection import wait

    waiting = list(readers)
    while waiting:
        ready = wait(waiting)
        for reader in [reader for reader in waiting if reader in ready]:
            try:
                batch = reader.recv()
            except EOFError as error:
                raise UnreadableError(
                    "a process that was hashing was ended. Is memory short? Run this again"
                ) from error
            if batch is None:
                waiting.remove(reader)
            else:
                yield batch
