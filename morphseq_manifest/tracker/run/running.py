"""`morphseq run`: what `dvc repro` would do, many stages at once."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from morphseq_manifest.base.errors import ConfigError, ExitCode
from morphseq_manifest.cohort import params, selection
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc import project_lock
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.freshness.assess import assess, check_ignored
from morphseq_manifest.tracker.freshness.steps import Step, steps
from morphseq_manifest.tracker.run import capacity, process_marks
from morphseq_manifest.tracker.run.engines import Engine, LocalEngine
from morphseq_manifest.tracker.run.interruption import Interruption
from morphseq_manifest.tracker.run.outcome import End, Result, Watch
from morphseq_manifest.tracker.run.runner import Runner
from morphseq_manifest.tracker.run.targets import choose
from morphseq_manifest.tracker.snapshot import Snapshot

# What stands for the model in params.yaml; a comment after it is not part of it.
_MODEL = re.compile(
    r"""^model_name:[ \t]*('[^'\n]*'|"[^"\n]*"|[^\s#'"&*!|>][^\n]*?)(?=[ \t]*(?:[ \t]#.*)?\r?$)""", re.MULTILINE
)
# It is the name of a folder, and stands in commands.
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Stages that are restored, or wait for a GPU, do not keep others from running.
_MORE_THREADS = 8

__all__ = ["End", "Options", "Report", "Result", "plan", "run", "stages_of"]


class Options(msgspec.Struct, frozen=True):
    """What is to be run, and how.

    `targets`: stages, groups, `e2e`; `experiments` and `later_than` as for `status`. `force`: the targets in any case,
    and nothing before them. `jobs`: stages at a time (as many as there are processors, or the cluster has places);
    `share`: stages at a time on one GPU. `wait`: how long to wait for another process that works on the project, in
    seconds.
    """

    targets: Sequence[str] = ()
    experiments: Sequence[str] = ()
    later_than: str | None = None
    force: bool = False
    with_downstream: bool = False
    model_name: str | None = None
    jobs: int | None = None
    share: int = 1
    fail_fast: bool = False
    wait: float = 0


class Report(msgspec.Struct, frozen=True):
    """How it ended with each stage, and the experiments that have no date where a day was asked for."""

    results: dict[str, Result]
    undated: list[str]

    @property
    def exit_code(self) -> ExitCode:
        """0 where all that was asked for is up to date now, else 1."""
        fine = {End.RAN, End.RESTORED, End.UP_TO_DATE}
        return ExitCode.OK if all(result.end in fine for result in self.results.values()) else ExitCode.STALE


def plan(root: Path, options: Options) -> tuple[dict[str, Step], set[str], list[str]]:
    """What would run, and why: the state of each stage, those to run in any case, and experiments without a date.

    Nothing is changed. Raises as `run` does.
    """
    snapshot = Snapshot(root, texts=_with_model(root, options.model_name))
    stages, forced, undated = _choose(snapshot, options)
    verdicts = assess(snapshot, Workspace(root), stages)
    found = steps(snapshot.graph, verdicts, snapshot.lock, failure_notes.read(root))
    return {name: found[name] for name in stages}, forced, undated


def run(root: Path, options: Options, watch: Watch, engine: Engine | None = None) -> Report:
    """Bring the targets up to date, in warm workers on this machine or where `engine` runs them.

    dvc.lock, DVC's cache and run cache are then what `dvc repro` would have made them. Raises ConfigError for unknown
    targets or experiments and for settings that can't be used, ContentError for a damaged dvc.lock, BusyError where
    another process works on the project. On Ctrl-C and SIGTERM (raised as KeyboardInterrupt) what has finished is
    recorded, and what runs is ended; a second one does not hinder that.
    """
    with project_lock.held(root, options.wait), Interruption() as interruption:
        if texts := _with_model(root, options.model_name):
            from morphseq_manifest.base import files

            files.write_bytes(root / params.PARAMS, texts[params.PARAMS])
        snapshot = Snapshot(root)
        workspace = Workspace(root)
        check_ignored(snapshot, workspace)
        _check_settings(snapshot, workspace)
        stages, forced, undated = _choose(snapshot, options)
        process_marks.end_left_over(root)
        workers = engine or LocalEngine()
        jobs = options.jobs or workers.slots
        room = capacity.Capacity(jobs, workers.devices, options.share)
        try:
            runner = Runner(snapshot, workspace, stages, forced, workers, room, watch, options.fail_fast)
            return Report(runner.go(jobs + _MORE_THREADS, interruption), undated)
        finally:
            workers.close()


def _choose(snapshot: Snapshot, options: Options) -> tuple[list[str], set[str], list[str]]:
    """The stages that may run, in the order of `dvc repro`, those to run in any case, and undated experiments."""
    chosen, undated = selection.select(snapshot.params.experiments, options.experiments, options.later_than)
    some = options.experiments or options.later_than
    choice = choose(
        snapshot.graph, options.targets, chosen if some else None,
        alone=options.force, with_downstream=options.with_downstream,
    )  # fmt: skip
    return choice.stages, set(choice.targets) if options.force else set(), undated


def _with_model(root: Path, model: str | None) -> dict[Path, bytes]:
    """The text of params.yaml with another `model_name`, all else as it is; nothing where it is that already."""
    if model is None:
        return {}
    if not _MODEL_NAME.fullmatch(model):
        raise ConfigError(f"--model-name: {model!r} can't be the name of a model: expected letters, digits, . _ -")
    snapshot = Snapshot(root)
    if snapshot.params.values.get("model_name") == model:
        return {}
    text = snapshot.text(params.PARAMS) or ""
    place = _MODEL.search(text)
    if place is None:
        raise ConfigError(f"{root / params.PARAMS}: expected a line with `model_name:` and a name. Put it there")
    changed = text
    for name in (model, f'"{model}"'):  # in quotes where it would be a number or so without
        changed = f"{text[: place.start(1)]}{name}{text[place.end(1) :]}"
        if params.parse_values(changed).get("model_name") == model:
            break
    return {params.PARAMS: changed.encode()}


def _check_settings(snapshot: Snapshot, workspace: Workspace) -> None:
    """Raise ConfigError for what stages can't need, and what would make the records differ from those of DVC."""
    for stage in {stage.group: stage for stage in snapshot.graph.stages.values()}.values():
        capacity.needs(stage)
    for name, value in workspace.dvc_cache.settings.items():
        raise ConfigError(f"{snapshot.root}: DVC's setting {name} = {value} is not supported here. Use `dvc repro`")
    outs = [out.path for stage in snapshot.graph.stages.values() for out in stage.outs if out.cache]
    from morphseq_manifest.base import git

    ignored = git.ignored(snapshot.root, outs)
    if ignored is not None and (seen := [path for path in outs if path not in ignored]):
        raise ConfigError(
            f"{snapshot.root / '.gitignore'}: {seen[0]} is not in it, and git would take what DVC caches. "
            "Add it, or the folder that it is in"
        )


def stages_of(root: Path, options: Options) -> list[Stage]:
    """The stages that a run is about."""
    snapshot = Snapshot(root, texts=_with_model(root, options.model_name))
    return [snapshot.graph.stages[name] for name in _choose(snapshot, options)[0]]
