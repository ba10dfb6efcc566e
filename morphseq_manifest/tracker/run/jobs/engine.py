"""Stages as jobs of a queueing system: each attempt in a place of its own, brought into the project by the run."""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ConfigError, described
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run import history
from morphseq_manifest.tracker.run.engines import LocalEngine
from morphseq_manifest.tracker.run.jobs import environment, moving, node
from morphseq_manifest.tracker.run.jobs.cluster_file import SYSTEMS, JobsFile
from morphseq_manifest.tracker.run.jobs.dispatch import Dispatcher
from morphseq_manifest.tracker.run.jobs.earlier import Earlier
from morphseq_manifest.tracker.run.jobs.folder import Attempt, JobFolder, key_of
from morphseq_manifest.tracker.run.jobs.job import End, Job, Lost
from morphseq_manifest.tracker.run.jobs.requests import Request, amounts, request
from morphseq_manifest.tracker.run.jobs.systems import BusySystemError
from morphseq_manifest.tracker.run.task import WORKER_LOST, Performed, Task
from morphseq_manifest.tracker.run.usage import Usage

# What a command that was killed for its memory ends with, by itself or as a shell tells it.
_KILLED = {-9, 137}


class JobsEngine:
    """The jobs that a cluster file describes; with `detach` those that run outlive a run that is ended."""

    is_here = False

    def __init__(self, file: JobsFile, name: str, *, detach: bool = False) -> None:
        self.slots, self.devices = file.jobs, list[str]()
        self._file, self._name, self._detach = file, name, detach
        self._system = SYSTEMS[file.kind]()
        self._here = LocalEngine()
        self._places = threading.Semaphore(self._here.slots)
        self._dispatcher: Dispatcher | None = None
        self._closed = False

    def begin(self, root: Path, stages: Mapping[str, Stage], names: Iterable[str]) -> None:
        """Raise the fence, and end what earlier runs have left; jobs of stages that this run is about may be adopted.

        Raises ConfigError for a request that is not one, and if the queueing system does not answer.
        """
        self._stages = stages
        said, most = self._file.needs.amounts(self._name), self._file.most.amounts(self._name)
        self._said, self._by_name = said, {n: a.amounts(self._name) for n, a in self._file.stages.items()}
        self._most = Request(memory=round(most.get("memory", 0)), time=round(most.get("time", 0)))
        for stage in {stages[name].group: stages[name] for name in names}.values():
            amounts(stage.meta, f"dvc.yaml: stage {stage.name}, meta")
        if unknown := {*self._file.stages, *self._file.local} - {*stages, *(one.group for one in stages.values())}:
            raise ConfigError(f"{self._name}: {', '.join(sorted(unknown))}: no such stage or group in dvc.yaml")
        self._folder = JobFolder(root)
        self._folder.raise_fence()
        self._earlier = Earlier(self._folder, self._system)
        try:
            self._earlier.sort({*names})
        except BusySystemError as error:
            raise ConfigError(f"{self._name}: jobs of an earlier run can't be asked for: {error}. Try again") from error
        outs = [out.path for stage in stages.values() for out in stage.outs]
        self._shared = {"environment": self._folder.share(environment.found()), "others": self._folder.share(outs)}
        self._used = _memory_used(root)
        self._dispatcher = Dispatcher(self._folder, self._system, self._file)

    def perform(self, task: Task, needs: Mapping[str, float], begun: Callable[[], None]) -> Performed:
        """Run a task in a job, and in another if that is lost; where this run is, if the file says so."""
        stage = self._stages[task.stage]
        if {stage.name, stage.group} & {*self._file.local}:
            with self._places:
                return self._here.perform(task, needs, begun)
        try:
            return self._perform(task, stage, begun)
        except OSError as error:
            return Performed(1, described(error))

    def _perform(self, task: Task, stage: Stage, begun: Callable[[], None]) -> Performed:
        asked = self._request(stage)
        for left in range(self._file.retries, -1, -1):
            job = self._job(task, stage, asked, begun)
            job.ended.wait()
            if job.outcome is None:
                return WORKER_LOST
            if isinstance(job.outcome, End) and not (job.outcome.code in _KILLED and left):
                return self._taken(job.attempt, job.outcome)
            told, more = self._told(job)
            self._salvage(job.attempt, may_go_on=isinstance(job.outcome, Lost) and job.state.may_go_on)
            if isinstance(job.outcome, Lost) and job.outcome.is_bad:
                left = 0
            if not left or self._closed:
                return Performed(1, told=told)
            asked = asked.grown(self._most, **more)
            note(f"{stage.name}: {told}; tried again with {asked}" if more else f"{stage.name}: {told}; tried again")
        raise AssertionError("the last try returns")

    def _job(self, task: Task, stage: Stage, asked: Request, begun: Callable[[], None]) -> Job:
        """The job of an earlier run that does just this, or a new one, when none is left that does something else."""
        earlier = self._earlier.of(task.stage)
        if earlier and earlier.task.key == key_of(task, self._shared) and (known := earlier.job):
            note(f"{stage.name}: job {known.id} of an earlier run goes on")
            job = Job(earlier, asked, stage.group, begun, id=known.id)
        else:
            if earlier:
                self._earlier.end([earlier])
            job = Job(self._folder.new(task, self._shared), asked, stage.group, begun)
        assert self._dispatcher, "begin comes first"
        self._dispatcher.take(job)
        if self._closed:
            job.ended.set()
        return job

    def _request(self, stage: Stage) -> Request:
        """What a stage's job asks for: as dvc.yaml says, and the cluster file about all, its group, and itself."""
        meta = amounts(stage.meta, f"dvc.yaml: stage {stage.name}, meta")
        said = self._said | meta | self._by_name.get(stage.group, {}) | self._by_name.get(stage.name, {})
        return request(said, self._most, self._used.get(stage.group))

    def _taken(self, attempt: Attempt, end: End) -> Performed:
        """Bring what an attempt has made into the project, as this run may. Raises OSError."""
        usage = Usage(end.seconds, end.cpu, end.memory or None)
        place = attempt.place
        if not self._folder.is_newest:
            return Performed(1, told="another run has begun since, so that nothing of this one is taken")
        if end.trouble or end.code:
            self._salvage(attempt)
            return Performed(end.code, told=f"could not be begun on {end.trouble}" if end.trouble else "", usage=usage)
        if wrong := moving.late(place, end.made, self._file.patience):
            told = f"{wrong}: after {self._file.patience:.0f} s it is not here as {end.host} wrote it"
            return Performed(1, told=f"{told}. It is in {place.place}", usage=usage)
        moving.bring(place, place.outs)
        self._folder.drop(attempt, has_ended=True)
        return Performed(0, usage=usage, made=end.made)

    def _salvage(self, attempt: Attempt, *, may_go_on: bool = False) -> None:
        """Let an attempt that failed go, but for what its stage would find when it runs again. Raises OSError.

        Of one that may still be written nothing is kept: it would be written on in the project.
        """
        if not may_go_on and (attempt.folder / node.READY).exists() and self._folder.is_newest:
            moving.bring(attempt.place, attempt.task.kept)
        self._folder.drop(attempt)

    def _told(self, job: Job) -> tuple[str, dict[str, float]]:
        """How a job ended that ended badly, in words, and what another is to have more of."""
        which = f"{f'job {job.id}' if job.id else 'its job'} ({self._system.kind})"
        grow = self._file.grow
        if isinstance(job.outcome, End):
            return f"{which}: its command was killed, for its memory as it seems", {"memory": grow}
        assert isinstance(job.outcome, Lost)
        more = dict.fromkeys(self._system.lacked(job.state.word, job.outcome.log), grow)
        said = f"; its log ends: {job.outcome.log}" if job.outcome.log else ""
        return f"{which}: {job.outcome.how}{said}", more

    def close(self) -> None:
        """End all that runs; with `detach` leave what has been submitted, for the next run to go on with."""
        self._closed = True
        self._here.close()
        if self._dispatcher is None:
            return
        left = self._dispatcher.let_go()
        if left and self._detach:
            note(f"{len(left)} jobs go on; the next `morphseq run --cluster` goes on with them")
            return
        self._earlier.end([job.attempt for job in left])
        self._earlier.end_all()


def _memory_used(root: Path) -> dict[str, int]:
    """The most memory that stages of each group have used in earlier runs, in bytes."""
    used: dict[str, int] = {}
    for took in history.read(root):
        if took.memory:
            used[took.group] = max(used.get(took.group, 0), took.memory)
    return used
