"""Jobs of earlier runs: those that this run may go on with, and the others, which are ended before anything begins."""

import contextlib
import shutil
import threading
import time
from collections.abc import Collection
from pathlib import Path

from morphseq_manifest.base.console import note
from morphseq_manifest.base.own_folder import PLACES
from morphseq_manifest.tracker.run.jobs import moving, node
from morphseq_manifest.tracker.run.jobs.cluster_file import SYSTEMS
from morphseq_manifest.tracker.run.jobs.folder import Attempt, JobFolder, JobId
from morphseq_manifest.tracker.run.jobs.systems import BusySystemError, Phase, System

_END_S, _AGAIN_S = 30.0, 0.5


class Earlier:
    """What earlier runs of the project have left in `folder`; raise the fence before."""

    def __init__(self, folder: JobFolder, system: System | None) -> None:
        self._folder, self._system = folder, system
        self._kept: dict[str, Attempt] = {}
        self._lock = threading.Lock()

    def sort(self, stages: Collection[str]) -> None:
        """Keep what may be gone on with, of these stages; end all else. Raises BusySystemError."""
        found = self._folder.earlier()
        mine = [attempt for attempt in found if self._system and attempt.job and attempt.job.kind == self._system.kind]
        ids = [attempt.job.id for attempt in mine if attempt.job]
        states = self._system.poll(ids) if self._system and ids else {}
        done = set(self._folder.look()) if mine else set()
        for attempt in mine:
            state = states.get(attempt.job.id) if attempt.job else None
            goes_on = attempt.name in done or (state is not None and state.phase != Phase.OVER)
            if goes_on and attempt.task.stage in stages:
                self._kept[attempt.task.stage] = attempt
        kept = {attempt.name for attempt in self._kept.values()}
        self.end([attempt for attempt in found if attempt.name not in kept])
        self._sweep()

    def of(self, stage: str) -> Attempt | None:
        """The attempt at a stage that may be gone on with, given out once."""
        with self._lock:
            return self._kept.pop(stage, None)

    def end_all(self) -> None:
        """End what nobody has gone on with."""
        with self._lock:
            left, self._kept = [*self._kept.values()], {}
        self.end(left)

    def end(self, attempts: list[Attempt]) -> None:
        """Cancel the jobs of attempts, and let the attempts go when the jobs have ended, or have had time for it.

        What a stage has begun is kept, for it to go on with, if nobody writes it any more.
        """
        over: set[JobId] = set()
        for kind in {attempt.job.kind for attempt in attempts if attempt.job}:
            jobs = [attempt.job for attempt in attempts if attempt.job and attempt.job.kind == kind]
            try:
                over |= _cancelled(SYSTEMS[kind](), jobs)
            except (BusySystemError, KeyError) as error:
                ids = ", ".join(job.id for job in jobs)
                note(f"jobs {ids} can't be ended ({error}); what they make is not taken")
        for attempt in attempts:
            with contextlib.suppress(OSError):
                if attempt.job in over and (attempt.folder / node.READY).exists():
                    moving.bring(attempt.place, [])
            self._folder.drop(attempt)

    def _sweep(self) -> None:
        """Delete what only task files of no attempt refer to."""
        if not self._kept:
            shutil.rmtree(self._folder.root / PLACES, ignore_errors=True)
            for folder in (self._folder.path / "shared", self._folder.logs, self._folder.ends):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True, exist_ok=True)


def end_left_over(root: Path) -> None:
    """Raise the fence and end the jobs that earlier runs have left, before a run that has no jobs itself."""
    folder = JobFolder(root)
    folder.raise_fence()
    Earlier(folder, None).sort(())


def _cancelled(system: System, jobs: Collection[JobId]) -> set[JobId]:
    """End jobs, and wait until they have ended, but not for ever; those that have. Raises BusySystemError."""
    ids = [job.id for job in jobs]
    system.cancel(ids)
    until = time.monotonic() + _END_S
    while True:
        states = system.poll(ids)
        if all(state.phase == Phase.OVER for state in states.values()) or time.monotonic() > until:
            return {job for job in jobs if job.id not in states or not states[job.id].may_go_on}
        time.sleep(_AGAIN_S)
