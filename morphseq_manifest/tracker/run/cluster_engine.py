"""Stages on the workers of a Dask cluster, each of which runs them as its own machine does."""

import atexit
import threading
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from morphseq_manifest.tracker.dvc.stages import Stage, file_name
from morphseq_manifest.tracker.run import process_marks
from morphseq_manifest.tracker.run.engines import Begun, LocalEngine, end_jobs
from morphseq_manifest.tracker.run.task import RUNNING, WORKER_LOST, Performed, Task

# How often to look whether the engine is still open, and how long to wait for a stage's end on another machine.
_LOOK_S = 0.5
_END_S = 30.0
_here: LocalEngine | None = None
_here_lock = threading.Lock()


def perform_here(task: Task) -> Performed:
    """Run a task in a warm worker of this process: what a worker of a cluster does.

    It is run once: not again where the scheduler gives it to another worker, this one having been lost.
    """
    global _here
    try:
        _begun(task).parent.mkdir(parents=True, exist_ok=True)
        _begun(task).touch(exist_ok=False)
    except FileExistsError:
        return WORKER_LOST
    with _here_lock:
        if _here is None:
            _here = LocalEngine()
            atexit.register(_here.close)
    Path(task.log).parent.mkdir(parents=True, exist_ok=True)
    return _here.perform(task, is_wanted=_wanted_here())


def _begun(task: Task) -> Path:
    return Path(task.root, RUNNING, f".{file_name(task.stage)}.begun")


def _wanted_here() -> Callable[[], bool]:
    """How to tell that the scheduler still wants what this thread runs: not after the runner has let go or ended."""
    from distributed.worker import get_worker, thread_state  # type: ignore[attr-defined]

    tasks, key = get_worker().state.tasks, thread_state.key
    return lambda: key in tasks and tasks[key].state != "cancelled"


class DaskEngine:
    """The workers of a Dask cluster, which must see the project under the same path; GPUs are the cluster's affair.

    `kinds` are the resources that its workers say they have, where that is known before they are there.
    """

    is_here = False

    def __init__(self, client: Any, slots: int, kinds: Collection[str] = ()) -> None:
        self.slots, self.devices = slots, list[str]()
        self._client, self._kinds = client, set(kinds)
        self._wanted: set[Any] = set()
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, root: Path, stages: Mapping[str, Stage], names: Sequence[str]) -> None:
        """End the jobs that earlier runs have left."""
        end_jobs(root)

    def perform(self, task: Task, needs: Mapping[str, float], begun: Begun | None = None) -> Performed:
        """Run a task on a worker that has what it needs, once: a stage that failed is not tried again."""
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        if begun:
            begun()
        resources = self._resources(needs)
        _begun(task).unlink(missing_ok=True)
        with self._lock:
            if self._closed:
                return WORKER_LOST
            future = self._client.submit(
                perform_here, task, pure=False, retries=0, key=f"{task.stage}-{uuid.uuid4().hex}", resources=resources
            )
            self._wanted.add(future)
        try:
            performed = self._result(future)
        except (KilledWorker, CancelledError, OSError):
            performed = WORKER_LOST
        with self._lock:
            self._wanted.discard(future)
        if performed == WORKER_LOST:
            process_marks.wait_for_end(Path(task.root, RUNNING, file_name(task.stage)), _END_S)
        _begun(task).unlink(missing_ok=True)
        return performed

    def _result(self, future: Any) -> Performed:
        """Wait for it as long as the engine is open: nothing may be heard of what is let go."""
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        while not self._closed:
            if ended.wait(_LOOK_S) or future.done():
                performed: Performed = future.result()
                return performed
        return WORKER_LOST

    def _resources(self, needs: Mapping[str, float]) -> dict[str, float]:
        """What is needed, of the kinds that any worker says it has."""
        workers = self._client.scheduler_info()["workers"].values()
        known = self._kinds.union(*(worker["resources"] for worker in workers))
        return {name.upper(): amount for name, amount in needs.items() if name.upper() in known}

    def close(self) -> None:
        """Let go of what runs, which the workers then end; the client is closed by whoever opened it."""
        with self._lock:
            self._closed = True
            self._client.cancel(list(self._wanted))
