"""Where stages run: on this machine, or on the workers of a cluster, which run them as this machine does.

`perform` runs a task to its end, and is called from a thread for each task.
"""

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from morphseq_manifest.base import system
from morphseq_manifest.base.errors import described
from morphseq_manifest.base.kinds import known
from morphseq_manifest.tracker.dvc.stages import Stage, file_name
from morphseq_manifest.tracker.run import process_marks
from morphseq_manifest.tracker.run.capacity import gpus
from morphseq_manifest.tracker.run.plain_commands import PlainCommands, is_plain
from morphseq_manifest.tracker.run.reaper import TOKEN
from morphseq_manifest.tracker.run.reaping import Reaping
from morphseq_manifest.tracker.run.task import JOBS, RUNNING, WORKER_LOST, Performed, Task

Begun = Callable[[], None]
# How often to look whether a stage is still wanted.
_LOOK_S = 0.5


class Engine(Protocol):
    """Something that runs tasks: so many `slots` at a time, on these `devices` (GPUs) of this machine.

    `is_here`: on this machine, whose cores and memory count.
    """

    slots: int
    devices: list[str]
    is_here: bool

    def begin(self, root: Path, stages: Mapping[str, Stage], names: Sequence[str]) -> None:
        """Begin a run of stages of these `names`, which holds the project in `root`: end what earlier ones have left.

        Raises ConfigError for what can't be run so.
        """
        ...

    def perform(self, task: Task, needs: Mapping[str, float], begun: Begun) -> Performed:
        """Run a task to its end; `begun` is called when it does begin. `needs`: gpu, cores, memory (bytes)."""
        ...

    def close(self) -> None:
        """End all that runs."""
        ...


def end_jobs(root: Path) -> None:
    """End the jobs that earlier runs have left, before a run that has none itself."""
    if (root / JOBS).is_dir():
        from morphseq_manifest.tracker.run.jobs.earlier import end_left_over  # most projects have had none

        end_left_over(root)


class LocalEngine:
    """This machine: plain commands, and warm workers for Python modules, as many as there are tasks at a time."""

    is_here = True

    def __init__(self) -> None:
        self.slots, self.devices = os.cpu_count() or 1, gpus()
        self._reaping = Reaping()
        self._plain = PlainCommands(f"{self._reaping.token}.plain")
        self._idle: list[_Worker] = []
        self._all: list[_Worker | PlainCommands] = []
        self._count = 0
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, root: Path, stages: Mapping[str, Stage], names: Sequence[str]) -> None:
        """End the jobs that earlier runs have left."""
        end_jobs(root)

    def perform(
        self,
        task: Task,
        needs: Mapping[str, float] | None = None,
        begun: Begun | None = None,
        is_wanted: Callable[[], bool] | None = None,
    ) -> Performed:
        """Run a task, in a worker that is idle or a new one if need be; it is ended when it is not wanted any more."""
        if begun:
            begun()
        try:
            if is_plain(task) and is_wanted is None:
                return self._plain.perform(task) if self._may_begin_plain(task) else WORKER_LOST
            if is_wanted and not system.FORKS:
                return self._perform_alone(task, is_wanted)
            worker = self._worker()
            return WORKER_LOST if worker is None else self._perform_in(worker, task, is_wanted)
        except OSError as error:
            return Performed(1, described(error))

    def _may_begin_plain(self, task: Task) -> bool:
        """Whether anything is to run any more; all that runs so has one mark. Raises OSError."""
        with self._lock:
            if self._plain.mark is None and not self._closed:
                self._reaping.begin()
                mark = Path(task.root, RUNNING, self._plain.token)
                process_marks.leave(mark, self._plain.token)
                self._plain.mark = mark
            return not self._closed

    def _perform_in(self, worker: "_Worker", task: Task, is_wanted: Callable[[], bool] | None) -> Performed:
        """Run a task in a worker, with a mark of its own. Raises OSError."""
        mark = Path(task.root, RUNNING, file_name(task.stage))
        performed = None
        try:
            process_marks.leave(mark, worker.token)
            process_marks.add_session(mark, worker.pid, worker.begun)
            performed = worker.perform(task, is_wanted)
        finally:
            with self._lock:
                (self._all.remove if performed == WORKER_LOST else self._idle.append)(worker)
        _take_off(mark, is_lost=performed == WORKER_LOST)
        return performed

    def _perform_alone(self, task: Task, is_wanted: Callable[[], bool]) -> Performed:
        """Run a task without a worker, with a mark of its own, for as long as it is wanted. Raises OSError."""
        with self._lock:
            if self._closed:
                return WORKER_LOST
            self._reaping.begin()
            self._count += 1
            plain = PlainCommands(f"{self._reaping.token}.{self._count}")
            self._all.append(plain)
        mark = plain.mark = Path(task.root, RUNNING, file_name(task.stage))
        over = threading.Event()
        try:
            process_marks.leave(mark, plain.token)
            threading.Thread(target=_close_unwanted, args=(plain, is_wanted, over)).start()
            performed = plain.perform(task)
        finally:
            over.set()
            with self._lock:
                self._all.remove(plain)
        _take_off(mark, is_lost=plain.is_closed)
        return WORKER_LOST if plain.is_closed else performed

    def _worker(self) -> "_Worker | None":
        """A worker that is idle, or a new one; None if nothing is to run any more. Raises OSError."""
        with self._lock:
            if self._closed:
                return None
            self._reaping.begin()
            self._idle = [worker for worker in self._idle if worker.is_alive]
            if self._idle:
                return self._idle.pop()
            self._count += 1
            worker = _Worker(f"{self._reaping.token}.{self._count}")
            self._all.append(worker)
            return worker

    def close(self) -> None:
        """End all that runs, and the workers."""
        with self._lock:
            self._closed = True
            self._plain.close()
            for worker in self._all:
                worker.close()
            self._reaping.end()
            if self._plain.mark:
                with contextlib.suppress(OSError):
                    self._plain.mark.unlink(missing_ok=True)


def _take_off(mark: Path, *, is_lost: bool) -> None:
    """Take a stage's mark off; if the stage is lost, what it had started may have outlived it, and is ended."""
    if is_lost:
        process_marks.end(mark)
    with contextlib.suppress(OSError):  # a mark of what has ended does no harm
        mark.unlink(missing_ok=True)


def _close_unwanted(plain: PlainCommands, is_wanted: Callable[[], bool], over: threading.Event) -> None:
    """Close what runs as soon as it is not wanted any more, unless it is over."""
    while not over.wait(_LOOK_S):
        if not is_wanted():
            plain.close()


class _Worker:
    def __init__(self, token: str) -> None:
        self.token, self.begun = token, time.time()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "morphseq_manifest.tracker.run.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {TOKEN: token}, start_new_session=True,
        )  # fmt: skip

    def perform(self, task: Task, is_wanted: Callable[[], bool] | None) -> Performed:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(msgspec.json.encode(task) + b"\n")
            self._process.stdin.flush()
            while not select.select([self._process.stdout], [], [], _LOOK_S)[0]:
                if is_wanted and not is_wanted():
                    self.close()
            answer = self._process.stdout.readline()
        except (OSError, ValueError):
            answer = b""
        return msgspec.json.decode(answer, type=known(Performed)) if answer.endswith(b"\n") else WORKER_LOST

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        assert self._process.stdin
        with contextlib.suppress(OSError):  # it has ended already
            self._process.stdin.close()
        self._process.wait()
