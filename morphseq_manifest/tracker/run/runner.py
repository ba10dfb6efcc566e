"""The run: an attempt at each stage as soon as those before it have ended; results recorded in batches."""

import threading
import time
from queue import Empty, SimpleQueue

from morphseq_manifest.tracker.dvc.lock_writing import LockWriter
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.attempt import Attempt, Means
from morphseq_manifest.tracker.run.interruption import Interruption
from morphseq_manifest.tracker.run.outcome import End, Result
from morphseq_manifest.tracker.run.outputs import recover
from morphseq_manifest.tracker.run.passing import as_recorded
from morphseq_manifest.tracker.run.queueing import Queue

# Writing the lock takes at most this share of the time.
_WRITING_SHARE = 0.05
_TICK_S = 0.2
_OVER = {End.FAILED, End.BLOCKED, End.STOPPED}


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
        self._queue = Queue([], {})
        self._running = 0
        # Whether a stage has done something since it was asked whether more is due; what was looked at again, of late
        # and ever.
        self._is_changed = False
        self._late: list[str] = []
        self._again: set[str] = set()
        self._done: SimpleQueue[Result] = SimpleQueue()
        self._written = self._cost = 0.0

    def go(self, threads: int, interruption: Interruption) -> dict[str, Result]:
        """Run until nothing is left that can; the outcome of each stage.

        After Ctrl-C or an error what has finished is recorded, and what runs is ended.
        """
        means = self._means
        recover(means.snapshot.root, means.workspace, self._graph.stages, means.snapshot.entries)
        self._let_pass()
        with interruption.held():
            try:
                while self._queue or self._running or self._is_more():
                    while self._running < threads and (name := self._queue.next()):
                        threading.Thread(target=self._attempt, args=[self._graph.stages[name]]).start()
                        self._running += 1
                    if result := self._next():
                        self._running -= 1
                        self._take(result)
                        self._tell(result)
                    self._write_now_and_then()
                    interruption.check()
            finally:
                self._end()
        return {name: self._results[name] for name in self._order}

    def _let_pass(self) -> None:
        """Take for up to date what is as recorded, and so is all before it; the others are due."""
        fine = as_recorded([self._graph.stages[name] for name in self._order], self._means)
        due: dict[str, None] = {}
        for name in self._order:
            if name in fine and not any(stage in due for stage in self._graph.before[name]):
                self._results[name] = Result(name, End.UP_TO_DATE)
                self._means.watch.ended(self._results[name])
            else:
                due[name] = None
        self._queue = Queue([*due], self._graph.before)

    def _is_more(self) -> bool:
        """Whether something is due after all: a stage may change what another reads, and not say so.

        What was up to date is looked at again, once, if it comes later in the order, as DVC has it; if it runs then,
        what depends on it is looked at again, too.
        """
        if self._means.closed.is_set() or not self._is_changed:
            return False
        self._is_changed = False
        ran_again = {name for name in self._late if self._results[name].end != End.UP_TO_DATE}
        first = next(number for number, name in enumerate(self._order) if self._results[name].end != End.UP_TO_DATE)
        later = [name for name in self._order[first:] if self._is_as_it_was(name) and name not in self._again]
        fine = as_recorded([self._graph.stages[name] for name in later], self._means)
        self._late = [name for name in later if name not in fine]
        self._again.update(self._late)
        due = {*self._late, *(self._graph.downstream(ran_again) - ran_again)}
        self._queue = Queue(
            [name for name in self._order if name in due and self._results[name].end not in _OVER], self._graph.before
        )
        return bool(self._queue)

    def _is_as_it_was(self, name: str) -> bool:
        return self._results[name].end == End.UP_TO_DATE and self._results[name].text is None

    def _attempt(self, stage: Stage) -> None:
        self._done.put(Attempt(stage, self._means).result())

    def _next(self) -> Result | None:
        """The next stage's result, if one ends within a tick."""
        try:
            return self._done.get(timeout=_TICK_S)
        except Empty:
            return None

    def _take(self, result: Result) -> None:
        """Take note of a stage's result; one that has run and is looked at once more has run."""
        before = self._results.get(result.stage)
        if before is None or before.end == End.UP_TO_DATE or result.end != End.UP_TO_DATE:
            self._results[result.stage] = result
        self._is_changed |= result.end != End.UP_TO_DATE
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

    def _tell(self, result: Result) -> None:
        """Tell the result of a stage, and of those that can't run for it."""
        means = self._means
        means.watch.ended(self._results[result.stage])
        if result.end not in _OVER:
            self._queue.ended(result.stage)
            return
        if means.fail_fast:
            means.closed.set()
        late = self._graph.downstream([result.stage])
        stop = means.fail_fast or means.stopped.is_set()
        passed = [name for name in self._order if name in late and name in self._results and self._is_as_it_was(name)]
        for name in [*self._queue.drop(None if stop else late), *passed]:
            end = End.BLOCKED if name in late and result.end == End.FAILED else End.STOPPED
            self._results[name] = Result(name, end, why=f"{result.stage} {result.end}")
            means.watch.ended(self._results[name])

    def _end(self) -> None:
        """End what runs, and record what has finished."""
        means = self._means
        means.stopped.set()
        means.closed.set()
        if self._running:
            means.engine.close()
        late = [self._done.get() for _ in range(self._running)]
        for result in late:
            self._take(result)
        self._write()
        means.workspace.save()
        for result in late:
            self._tell(result)

    def _write_now_and_then(self) -> None:
        is_news = any(lock.has_news for lock in self._locks.values())
        if is_news and time.perf_counter() - self._written > self._cost / _WRITING_SHARE:
            begun = time.perf_counter()
            self._write()
            self._written = time.perf_counter()
            self._cost = self._written - begun
