"""Hashing many files again, on threads, and on forked processes if there are many small ones.

Hashing a large file leaves the interpreter to other threads; of a small file little more than the interpreter's work
remains, and threads would only wait for each other.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from morphseq_manifest.tracker.disk import crew
from morphseq_manifest.tracker.disk.batches import BATCH_FILES, THREADS, by_count, by_size
from morphseq_manifest.tracker.disk.forks import can_fork, forked
from morphseq_manifest.tracker.disk.rehash import Batch, Job, Worker

_SMALL_BYTES = 1 << 17
# Fewer small files than this take less time than starting the processes.
_WORTH_PROCESSES = 8 * BATCH_FILES
Take = Callable[[Batch], None]


@contextmanager
def hashing(root: str, jobs: Sequence[Job], settled_ns: int) -> Iterator[Callable[[Take], None]]:
    """Hash what `jobs` name under `root`; yields a function that does it, and passes on each batch, in any order.

    Processes start on entering the block, threads when the function is called; after Ctrl-C, all of them end soon, and
    what they have hashed on threads is given too. `settled_ns` as Worker has it. The function raises UnreadableError
    if the system killed a process.
    """
    worker = Worker(root, settled_ns)
    small, large = _divided(jobs)
    with forked(worker.run, by_count(small), min(THREADS, 2 * (os.cpu_count() or 1))) as batches:

        def run(take: Take) -> None:
            for batch in batches:
                take(batch)
            _hash_on_threads(worker, large, take)

        yield run


def _divided(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """What is hashed by processes, and what on threads."""
    small: list[Job] = []
    large: list[Job] = []
    for job in jobs:
        is_small = job.size is not None and job.size <= _SMALL_BYTES and not (job.md5 and job.is_folder)
        (small if is_small else large).append(job)
    return (small, large) if len(small) >= _WORTH_PROCESSES and can_fork() else ([], list(jobs))


def _hash_on_threads(worker: Worker, jobs: list[Job], take: Take) -> None:
    one_at_a_time = threading.Lock()

    def run(batch: list[Job]) -> Sequence[crew.Job]:
        hashed = worker.run(batch)
        with one_at_a_time:
            take(hashed)
        return ()

    batches = by_size(jobs, lambda job: job.size or 0)
    crew.work_off([partial(run, batch) for batch in batches], THREADS, stop=worker.stop, all_at_once=True)
