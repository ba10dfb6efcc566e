"""The thread that speaks to the queueing system: it submits, looks for end files, asks after jobs, and cancels.

It makes one call for all jobs at a time, seldom if nothing changes, and submits what is alike as one array.
"""

import contextlib
import threading
import time
from pathlib import Path

from morphseq_manifest.base.errors import described
from morphseq_manifest.tracker.run.jobs import node
from morphseq_manifest.tracker.run.jobs.cluster_file import JobsFile
from morphseq_manifest.tracker.run.jobs.folder import JobFolder
from morphseq_manifest.tracker.run.jobs.job import End, Job, Lost, read_end
from morphseq_manifest.tracker.run.jobs.systems import (
    BusySystemError,
    JobState,
    Phase,
    RefusedError,
    Submission,
    System,
)
from morphseq_manifest.tracker.run.jobs.telling import Teller

# How often to look for end files: so often at first, so seldom if none comes.
_LOOK_S = (0.05, 1.0)
_POLL_S = (2.0, 30.0)
_AGAIN_S = (2.0, 60.0)
_SLOWER = 1.5
# So many jobs in one array, and so long between two submissions.
_ARRAY, _BETWEEN_S = 100, 0.1
# A job that ended badly may just have written its end file.
_BAD_END_S = 3.0
# After so many that never began, and none that did, no more are submitted.
_HOPELESS = 3


class Dispatcher:
    """Has jobs made of attempts, from any number of threads. `close` ends it."""

    def __init__(self, folder: JobFolder, system: System, file: JobsFile) -> None:
        self._folder, self._system, self._file = folder, system, file
        self._new: list[Job] = []
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._look_s, self._poll_s, self._again_s = _LOOK_S[0], _POLL_S[0], _AGAIN_S[0]
        self._array = self._most = _ARRAY
        self._next_poll = self._next_submission = 0.0
        self._teller = Teller(system.kind)
        self._never_began: list[str] = []
        self._has_begun = False
        self._defect = ""

    def take(self, job: Job) -> None:
        """Submit a job, or take it up if it has an id."""
        with self._lock:
            if job.id:
                self._jobs[job.attempt.name] = job
            else:
                self._new.append(job)
            self._look_s = _LOOK_S[0]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
        if self._defect:
            self._finish(job, Lost(self._defect, is_bad=True))

    def let_go(self) -> list[Job]:
        """Stop; the jobs that have been submitted and have not ended. Nobody waits for any any more."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        left = [*self._jobs.values()]
        for job in [*left, *self._new]:
            job.ended.set()
        self._jobs, self._new = {}, []
        return left

    def _work(self) -> None:
        try:
            self._go_round()
        except BaseException as error:  # noqa: BLE001 - a defect of ours: said, and nobody waits for ever
            self._defect = f"{type(error).__name__}: {error}"
            for job in [*self._new, *self._jobs.values()]:
                self._finish(job, Lost(self._defect, is_bad=True))

    def _go_round(self) -> None:
        while not self._stop.wait(self._look_s):
            self._look_s = min(self._look_s * _SLOWER, _LOOK_S[1])
            try:
                self._submit()
                self._collect()
                self._ask()
            except OSError as error:  # of shared storage, which may come back
                self._teller.tell(f"{described(error)}: tried again")

    def _submit(self) -> None:
        """Submit what waits and is alike, one call a time."""
        now = time.monotonic()
        if now < self._next_submission:
            return
        with self._lock:
            if not self._new:
                return
            first = self._new[0]
            alike = [job for job in self._new if (job.request, job.name) == (first.request, first.name)]
            alike = alike[: self._array]
        if self._is_hopeless:
            for job in alike:
                self._forget_new(job)
                self._finish(job, Lost(self._never_began[-1], is_bad=True))
            return
        self._next_submission = now + _BETWEEN_S
        self._look_s = _LOOK_S[0]
        try:
            ids = self._system.submit(self._submission(alike))
        except BusySystemError as error:
            self._array = max(self._array // 2, 1)
            self._teller.tell(f"{error}. It is asked again in {self._again_s:.0f} s")
            self._next_submission = time.monotonic() + self._again_s
            self._again_s = min(self._again_s * _SLOWER, _AGAIN_S[1])
            return
        except RefusedError as error:
            if len(alike) > 1:
                self._array = self._most = 1  # arrays may not be had here
                return
            self._forget_new(first)
            self._not_begun(first, str(error), "")
            return
        self._again_s = _AGAIN_S[0]
        self._array = min(self._array * 2, self._most)
        for number, (job, given) in enumerate(zip(alike, ids, strict=True)):
            log = self._folder.logs / first.attempt.name
            job.log = log if len(alike) == 1 else log.with_name(f"{log.name}-{number + self._system.first}")
            self._submitted(job, given)
        self._folder.note_jobs([job.attempt for job in alike], self._system.kind, ids)

    def _submission(self, jobs: list[Job]) -> Submission:
        first, many = jobs[0], len(jobs) > 1
        script = str(Path(node.__file__))
        if many:
            index = f"$(({self._system.index} - {self._system.first}))"
            text = self._file.script(script, str(self._folder.array([job.attempt for job in jobs])), index)
        else:
            text = self._file.script(script, str(first.attempt.folder))
        name = first.name if many else first.attempt.task.stage
        log = self._folder.logs / first.attempt.name
        return Submission(
            text, name, self._folder.root, log, first.request, self._file.spell(first.request), len(jobs) if many else 0
        )

    def _submitted(self, job: Job, given: str) -> None:
        job.id, job.state = given, JobState(Phase.WAITING, "submitted")
        self._forget_new(job)
        with self._lock:
            self._jobs[job.attempt.name] = job
        self._poll_soon()

    def _forget_new(self, job: Job) -> None:
        with self._lock:
            self._new.remove(job)

    def _collect(self) -> None:
        """Take the end files that are there."""
        if not self._jobs:
            return
        if any(job.gone is not None for job in self._jobs.values()):
            self._folder.look_anew()
        for name in self._folder.look():
            if job := self._jobs.get(name):
                self._look_s = _LOOK_S[0]
                self._finish(job, read_end(Path(job.attempt.task.end)))

    def _finish(self, job: Job, outcome: End | Lost) -> None:
        with self._lock:
            self._jobs.pop(job.attempt.name, None)
        if isinstance(outcome, End):
            self._has_begun = True
            if not job.is_running:
                job.begun()
        job.outcome = outcome
        with contextlib.suppress(OSError):
            if job.is_running:
                self._folder.unmark(job.attempt)
            job.keep_log()
        job.ended.set()

    def _ask(self) -> None:
        """Ask after all jobs, if it is time, and find those that are lost."""
        now = time.monotonic()
        if now >= self._next_poll and self._jobs:
            jobs = [*self._jobs.values()]
            try:
                states = self._system.poll([job.id for job in jobs])
            except BusySystemError as error:
                self._teller.tell(f"{error}. It is asked again")
                self._next_poll = time.monotonic() + self._poll_s
                self._poll_s = min(self._poll_s * _SLOWER, _POLL_S[1])
                return
            missing = [job.id for job in jobs if job.id not in states]
            states |= self._system.past(missing) if missing else {}
            changed = [self._is_now(job, states.get(job.id)) for job in jobs]
            self._poll_s = _POLL_S[0] if any(changed) else min(self._poll_s * _SLOWER, _POLL_S[1])
            self._next_poll = time.monotonic() + self._poll_s
            self._teller.waiting(jobs)
        for job in [*self._jobs.values()]:
            if job.gone is not None and time.monotonic() > job.gone:
                self._lose(job)

    def _is_now(self, job: Job, state: JobState | None) -> bool:
        """Note a job's state; whether it is another than before."""
        before, job.state = job.state, state or JobState(Phase.OVER, f"no longer known to {self._system.kind}")
        if job.state.phase == Phase.RUNNING:
            self._runs(job)
        if job.state.phase == Phase.OVER and (job.gone is None or before != job.state):
            is_well = state is None or state.word in {"COMPLETED", "exit_status 0"}
            job.gone = time.monotonic() + (self._file.patience if is_well else _BAD_END_S)
            self._poll_soon()
        elif job.state.phase != Phase.OVER:
            job.gone = None
        return before != job.state

    def _runs(self, job: Job) -> None:
        if not job.is_running:
            job.is_running = True
            job.begun()
            with contextlib.suppress(OSError):
                self._folder.mark(job.attempt, f"{self._system.kind}:{job.id} {job.attempt.name}")

    def _lose(self, job: Job) -> None:
        """A job is over, and there is no end file."""
        log = job.log_end()
        if (job.attempt.folder / node.BEGUN).exists() or job.state.word not in {"FAILED", "COMPLETED"}:
            self._finish(job, Lost(str(job.state), log))
        else:
            self._not_begun(job, str(job.state), log)

    def _not_begun(self, job: Job, how: str, log: str) -> None:
        """A job was refused, or ended before it had begun with its stage: so would others."""
        self._never_began.append(f"{how}: {log}" if log else how)
        self._finish(job, Lost(how, log, is_bad=True))

    @property
    def _is_hopeless(self) -> bool:
        return len(self._never_began) >= _HOPELESS and not self._has_begun

    def _poll_soon(self) -> None:
        self._poll_s = _POLL_S[0]
        self._next_poll = min(self._next_poll or float("inf"), time.monotonic() + self._poll_s)
