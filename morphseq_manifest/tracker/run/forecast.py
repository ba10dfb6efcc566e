"""What a run will take, before it begins: how long, how much memory, and whether the disks will hold what it writes."""

import os
from collections.abc import Sequence

import msgspec

from morphseq_manifest.tracker.dvc.stages import Stage, parents
from morphseq_manifest.tracker.run import history, run_log
from morphseq_manifest.tracker.run.capacity import Capacity, gpus, needs
from morphseq_manifest.tracker.run.disks import Disk, Disks
from morphseq_manifest.tracker.run.history import NOTHING, Amount
from morphseq_manifest.tracker.run.options import Options
from morphseq_manifest.tracker.run.plan import Plan
from morphseq_manifest.tracker.run.prediction import Expected, Predictor
from morphseq_manifest.tracker.run.schedule import schedule


class Forecast(msgspec.Struct, frozen=True):
    """What the stages take that would run or may run, if all of them do, `jobs` at once.

    `expected` has each of them, None if nothing is known: such a stage is not counted. `seconds` on the clock, with
    what runs take beyond their stages; `cpu` and `gpu`: seconds of all; `memory`: bytes, of those that run at the same
    time; `written`: bytes of all outputs.
    """

    jobs: int
    expected: dict[str, Expected | None]
    seconds: float
    cpu: float
    gpu: float | None
    memory: int | None
    written: int
    disks: list[Disk]

    @property
    def is_known(self) -> bool:
        """Whether anything is known of any stage."""
        return any(self.expected.values())

    @property
    def unknown(self) -> int:
        """The number of stages that nothing is known of."""
        return sum(expected is None for expected in self.expected.values())

    @property
    def warnings(self) -> list[str]:
        """What is foretold of disks."""
        return [disk.warning for disk in self.disks if disk.warning]


def forecast(plan: Plan, options: Options) -> Forecast:
    """What a run will take, by what the stages of earlier runs took."""
    root, stages, jobs = plan.snapshot.root, plan.running(), options.jobs or os.cpu_count() or 1
    expected = _expected(plan, stages)
    known = {name: one for name, one in expected.items() if one}
    times = schedule(
        [stage.name for stage in stages],
        plan.snapshot.graph.before,
        {name: one.seconds for name, one in known.items()},
        {name: one.memory for name, one in known.items() if one.memory is not None},
        {stage.name: needs(stage) for stage in stages},
        Capacity(jobs, gpus(), options.share),
        jobs,
    )
    disks = Disks(root, plan.workspace.dvc_cache, jobs)
    for stage in stages:
        if one := expected[stage.name]:
            disks.add(stage, [made.bytes for made in one.made], lambda path: plan.contents[path].size)
    seconds = times.seconds + run_log.beside(root) if times.seconds else 0.0
    on_gpus = [one.gpu for one in known.values() if one.gpu is not None]
    return Forecast(
        jobs=jobs, expected=expected, seconds=seconds, cpu=sum(one.cpu or 0 for one in known.values()),
        gpu=sum(on_gpus) if on_gpus else None, memory=times.memory or None,
        written=sum(one.written for one in known.values()), disks=disks.total() if known else [],
    )  # fmt: skip


def _expected(plan: Plan, stages: Sequence[Stage]) -> dict[str, Expected | None]:
    """What each of the stages will take, an earlier one before a later one, which reads what that makes."""
    predictor, has_gpus = Predictor(history.read(plan.snapshot.root)), bool(gpus())
    amounts = _Amounts(plan)
    found: dict[str, Expected | None] = {}
    for stage in stages:
        read = sum(map(amounts.of, stage.deps), NOTHING)
        again = any(out.persist and plan.contents[out.path].md5 is not None for out in stage.outs)
        on_gpu = has_gpus and needs(stage).get("gpu", 0) > 0
        expected = predictor.expect(stage.name, stage.group, read, len(stage.outs), again=again, on_gpu=on_gpu)
        found[stage.name] = expected
        if expected:
            amounts.make(stage, expected.made)
    return found


class _Amounts:
    """How much is at each path, or will be after the stages that were told."""

    def __init__(self, plan: Plan) -> None:
        self._contents = plan.contents
        self._made: dict[str, Amount] = {}
        self._inside: dict[str, Amount] = {}

    def make(self, stage: Stage, made: Sequence[Amount]) -> None:
        """A stage will make so much."""
        for out, amount in zip(stage.outs, made, strict=True):
            self._made[out.path] = amount
            if self._contents[out.path].md5 is None:
                for folder in parents(out.path):
                    self._inside[folder] = self._inside.get(folder, NOTHING) + amount

    def of(self, path: str) -> Amount:
        """How much there will be: what is there now, or what will be made, of it and inside it."""
        if path in self._made:
            return self._made[path]
        content = self._contents[path]
        files = 1 if content.nfiles is None else content.nfiles
        now = NOTHING if content.md5 is None else Amount(files, content.size)
        return now + self._inside.get(path, NOTHING)
