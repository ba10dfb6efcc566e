"""Jobs that beget jobs, on several threads: what waits for a disk does not keep others from working."""

import threading
from collections.abc import Callable, Iterable, Sequence

Job = Callable[[], "Sequence[Job]"]


def work_off(jobs: Iterable[Job], threads: int) -> None:
    """Run the jobs, and the jobs that they return, until none is left; the newest first, so that few are open.

    What a job raises ends the work, once the jobs that are running have ended, and is raised here; so is Ctrl-C.
    """
    waiting = list(jobs)[::-1]
    if threads == 1:
        while waiting:
            waiting += waiting.pop()()
        return
    _Crew(waiting, threads).run()


class _Crew:
    def __init__(self, waiting: list[Job], threads: int) -> None:
        self._waiting = waiting
        self._running = 0
        self._change = threading.Condition()
        self._error: BaseException | None = None
        self._stopped = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def run(self) -> None:
        try:
            for thread in self._threads:
                thread.start()
            for thread in self._threads:
                thread.join()
        finally:
            self._stopped = True
            for thread in self._threads:
                if thread.ident:
                    thread.join()
        if self._error:
            raise self._error

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
                self._change.notify_all()

    def _next(self) -> Job | None:
        with self._change:
            while not self._waiting and self._running and not self._stopped:
                self._change.wait()
            if self._stopped or not self._waiting:
                return None
            self._running += 1
            return self._waiting.pop()
