"""A pool of threads whose jobs can add jobs: what waits for a disk does not keep others from working."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

Job = Callable[[], "Sequence[Job]"]
# If no job has ended for so long, as many threads again join in. On a local disk a job that takes stats ends
# sooner, and threads would only wait for each other.
_PATIENCE_S = 0.01


def work_off(jobs: Iterable[Job], threads: int, *, stop: bytearray | None = None, all_at_once: bool = False) -> None:
    """Run the jobs, and the jobs that they return, until none is left; the newest first, so that few are open.

    There are at most so many threads: as few as will do, or all of them from the beginning. What a job raises ends the
    work, once the jobs that are running have ended, and is raised here; so is Ctrl-C. The first byte of `stop` is set
    then, to call off the jobs that are running.
    """
    waiting = list(jobs)[::-1]
    begun = time.perf_counter()
    while waiting and not all_at_once and (threads == 1 or time.perf_counter() - begun < _PATIENCE_S):
        waiting += waiting.pop()()
    if waiting:
        _Crew(waiting, threads, bytearray(1) if stop is None else stop).run(threads if all_at_once else 1)


class _Crew:
    def __init__(self, waiting: list[Job], threads: int, stop: bytearray) -> None:
        self._waiting, self._most, self._stop = waiting, threads, stop
        self._running = self._ended = 0
        self._change = threading.Condition()
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []

    def run(self, count: int) -> None:
        """Begin with `count` threads."""
        try:
            self._join_in(min(count, len(self._waiting)))
            while any(thread.is_alive() for thread in self._threads):
                ended = self._ended
                self._threads[0].join(_PATIENCE_S)
                if self._waiting and self._ended == ended and len(self._threads) < self._most:
                    self._join_in(min(len(self._threads), self._most - len(self._threads)))
                elif not self._threads[0].is_alive():
                    self._threads.append(self._threads.pop(0))
        except BaseException:
            self._call_off()
            raise
        finally:
            for thread in self._threads:
                thread.join()
        if self._error:
            raise self._error

    def _join_in(self, count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=self._work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _call_off(self) -> None:
        with self._change:
            self._stop[0] = 1
            self._change.notify_all()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            more: Sequence[Job] = ()
            try:
                more = job()
            except BaseException as error:  # noqa: BLE001 - raised where the work was asked for
                self._error = self._error or error
                self._call_off()
            with self._change:
                self._waiting += more
                self._running -= 1
                self._ended += 1
                self._change.notify_all()

    def _next(self) -> Job | None:
        with self._change:
            while not self._waiting and self._running and not self._stop[0]:
                self._change.wait()
            if self._stop[0] or not self._waiting:
                return None
            self._running += 1
            return self._waiting.pop()
