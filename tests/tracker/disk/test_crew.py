"""The pool of threads: every job is done, errors and Ctrl-C end the work, and no thread waits for ever."""

import os
import signal
import threading
import time
from functools import partial

import pytest

from morphseq_manifest.tracker.disk import crew
from tests.running import DEADLINE_S, wait_until


@pytest.mark.parametrize("all_at_once", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 16])
def test_all_jobs_and_those_that_they_add_are_done(threads: int, all_at_once: bool) -> None:
    done: list[int] = []

    def job(number: int) -> list[crew.Job]:
        time.sleep(0.0002)
        done.append(number)
        return [partial(job, 2 * number), partial(job, 2 * number + 1)] if number < 100 else []

    crew.work_off([partial(job, 1)], threads, all_at_once=all_at_once)
    assert sorted(done) == list(range(1, 200))


@pytest.mark.parametrize("all_at_once", [False, True])
def test_what_a_job_raises_calls_off_the_others_and_is_raised(all_at_once: bool) -> None:
    stop = bytearray(1)

    def wait() -> list[crew.Job]:
        wait_until(lambda: bool(stop[0]), "to be called off")
        raise ValueError("called off")

    def fail() -> list[crew.Job]:
        time.sleep(0.1)
        raise RuntimeError("the first error")

    def first() -> list[crew.Job]:
        time.sleep(0.02)  # longer than jobs are done without threads
        return [wait, fail, wait]

    jobs = [wait, wait, fail, *[wait] * 100] if all_at_once else [first]
    with pytest.raises(RuntimeError, match="the first error"):
        crew.work_off(jobs, 4, stop=stop, all_at_once=all_at_once)


def test_ctrl_c_calls_off_the_jobs_that_are_running() -> None:
    stop, begun = bytearray(1), threading.Event()

    def wait() -> list[crew.Job]:
        begun.set()
        wait_until(lambda: bool(stop[0]), "to be called off")
        return []

    def interrupt() -> None:
        begun.wait(DEADLINE_S)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        crew.work_off([wait] * 10, 2, stop=stop, all_at_once=True)


def test_a_thread_that_joins_in_for_the_last_job_and_comes_late_does_not_wait_for_ever() -> None:
    joins, begun = threading.Event(), threading.Event()

    def first() -> list[crew.Job]:
        assert joins.wait(DEADLINE_S)
        return []

    def last() -> list[crew.Job]:
        begun.set()
        wait_until(lambda: bool(work._change._waiters), "for the second thread")  # type: ignore[attr-defined]
        return []

    class Late(crew._Crew):
        def _join_in(self, count: int) -> None:
            if self._threads:
                joins.set()
                assert begun.wait(DEADLINE_S)
            super()._join_in(count)

    class Threads(list[threading.Thread]):
        """The list of threads, into which the second is put when the first has ended."""

        def append(self, thread: threading.Thread) -> None:
            if self:
                self[0].join(DEADLINE_S / 10)
            super().append(thread)

    work = Late([last, first], 2, bytearray(1))
    work._threads = Threads()
    caller = threading.Thread(target=work.run, args=(1,), daemon=True)
    caller.start()
    caller.join(DEADLINE_S)
    assert not caller.is_alive()
