"""Jobs that beget jobs, on as many threads as pay: what waits for a disk does not keep others from working."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

Job = Callable[[], "Sequence[Job]"]
# Where no job has ended for so long, as many threads again join in. On a local disk a job that takes stats ends
# sooner, and threads would only wait for each other.
_PATIENCE_S = 0.01


def work_off(jobs: Iterable[Job], threads: int) -> None:
    """Run the jobs, and the jobs that they return, until none is left; the newest first, so that few are open.

    There are at most so many threads. What a job raises ends the work, once the jobs that are running have ended, and
    is raised here; so is Ctrl-C.
    """
    waiting = list(jobs)[::-1]
    begun = time.perf_counter()
    while waiting and (threads == 1 or time.perf_counter() - begun < _PATIENCE_S):
        waiting += waiting.pop()()
    if waiting:
        _Crew(waiting, threads).run()


class _Crew:
    def __init__(self, waiting: list[Job], threads: int) -> None:
        self._waiting, self._most = waiting, threads
        self._running = self._ended = 0
        self._change = threading.Condition()
        self._error: BaseException | None = None
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        try:
            self._join_in(1)
            while any(thread.is_alive() for thread in self._threads):
                ended = self._ended
                self._threads[0].join(_PATIENCE_S)
                if self._waiting and self._ended == ended and len(self._threads) < self._most:
                    self._join_in(min(len(self._threads), self._most - len(self._threads)))
                elif not self._threads[0].is_alive():
                    self._threads.append(self._threads.pop(0))
        finally:
            with self._change:
                self._stopped = True
                self._change.notify_all()
            for thread in self._threads:
                thread.join()
        if self._error:
            raise self._error

    def _join_in(self, count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=self._work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            more: Sequence[Job] = ()
            try:
                more = job()
            except BaseException as error:  # noqa: BLE001 - raised where the work was asked for
                self._error, self._stopped = error, True
            with self._change:
                self._waiting += more
                self._running -= 1
                self._ended += 1
                self._change.notify_all()

    def _next(self) -> Job | None:
        with self._change:
            while not self._waiting and self._running and not self._stopped:
                self._change.wait()
            if self._stopped or not self._waiting:
                return None
            self._running += 1
            return self._waiting.pop()
