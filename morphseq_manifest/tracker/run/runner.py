"""The run: an attempt at each stage as soon as those before it have ended; results recorded in batches."""

import time
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from morphseq_manifest.tracker.dvc.lock_writing import LockWriter
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.attempt import Attempt, Means
from morphseq_manifest.tracker.run.interruption import Interruption
from morphseq_manifest.tracker.run.outcome import End, Result
from morphseq_manifest.tracker.run.outputs import recover
from morphseq_manifest.tracker.run.queueing import Queue

# Writing the lock takes at most this share of the time.
_WRITING_SHARE = 0.05
_TICK_S = 0.2


class Runner:
    """Runs `stages`, in this order as far as those before them have ended; see `go`."""

    def __init__(self, stages: list[str], means: Means) -> None:
        self._order, self._means = stages, means
        self._graph = means.snapshot.graph
        found = [self._graph.stages[name] for name in stages]
        # Each pipeline has its dvc.lock beside it.
        self._locks = {
            file: LockWriter((means.snapshot.root / file).parent, [s.lock_name for s in found if s.file == file])
            for file in dict.fromkeys(stage.file for stage in found)
        }
        self._results: dict[str, Result] = {}
        self._done: SimpleQueue[Result] = SimpleQueue()
        self._written = self._cost = 0.0

    def go(self, threads: int, interruption: Interruption) -> dict[str, Result]:
        """Run until nothing is left that can; the outcome of each stage.

        After Ctrl-C or an error what has finished is recorded, and what runs is ended.
        """
        means = self._means
        recover(means.snapshot.root, means.workspace, self._graph.stages, means.snapshot.entries)
        queue = Queue(self._order, self._graph.before)
        running = 0
        with interruption.held(), ThreadPoolExecutor(threads) as pool:
            try:
                while queue or running:
                    while running < threads and (name := queue.next()):
                        pool.submit(self._attempt, self._graph.stages[name])
                        running += 1
                    if result := self._next():
                        running -= 1
                        self._take(result)
                        self._tell(result, queue)
                    self._write_now_and_then()
                    interruption.check()
            finally:
                self._end(running, queue)
        return {name: self._results[name] for name in self._order}

    def _attempt(self, stage: Stage) -> None:
        self._done.put(Attempt(stage, self._means).result())

    def _next(self) -> Result | None:
        """The next stage's result, if one ends within a tick."""
        try:
            return self._done.get(timeout=_TICK_S)
        except Empty:
            return None

    def _take(self, result: Result) -> None:
        """Take note of a stage's result."""
        self._results[result.stage] = result
        if result.took:
            self._means.history.add(result.took)
        if result.text is not None:
            stage = self._graph.stages[result.stage]
            self._locks[stage.file].add(stage.lock_name, result.text)

    def _write(self) -> None:
        """Write what was recorded."""
        for lock in self._locks.values():
            if lock.has_news:
                lock.write()
        self._means.history.write()

    def _tell(self, result: Result, queue: Queue) -> None:
        """Tell the result of a stage, and of those that can't run for it."""
        means = self._means
        means.watch.ended(result)
        if result.end not in {End.FAILED, End.STOPPED}:
            queue.ended(result.stage)
            return
        if means.fail_fast:
            means.closed.set()
        late = self._graph.downstream([result.stage])
        stop = means.fail_fast or means.stopped.is_set()
        for name in queue.drop(None if stop else late):
            end = End.BLOCKED if name in late and result.end == End.FAILED else End.STOPPED
            self._results[name] = Result(name, end, why=f"{result.stage} {result.end}")
            means.watch.ended(self._results[name])

    def _end(self, running: int, queue: Queue) -> None:
        """End what runs, and record what has finished."""
        means = self._means
        means.stopped.set()
        means.closed.set()
        if running:
            means.engine.close()
        late = [self._done.get() for _ in range(running)]
        for result in late:
            self._take(result)
        self._write()
        means.workspace.save()
        for result in late:
            self._tell(result, queue)

    def _write_now_and_then(self) -> None:
        is_news = any(lock.has_news for lock in self._locks.values())
        if is_news and time.perf_counter() - self._written > self._cost / _WRITING_SHARE:
            begun = time.perf_counter()
            self._write()
            self._written = time.perf_counter()
            self._cost = self._written - begun
