"""`morphseq run`: what `dvc repro` would do, many stages at once."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ExitCode, MorphseqError
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc import project_lock
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness.assess import SettingsChanged, check_ignored
from morphseq_manifest.tracker.run import history, process_marks
from morphseq_manifest.tracker.run.attempt import Means
from morphseq_manifest.tracker.run.capacity import Capacity, needs
from morphseq_manifest.tracker.run.checks import check_settings
from morphseq_manifest.tracker.run.disks import is_ample
from morphseq_manifest.tracker.run.engines import Engine, LocalEngine
from morphseq_manifest.tracker.run.git_ignoring import GitIgnoring
from morphseq_manifest.tracker.run.history import History
from morphseq_manifest.tracker.run.interruption import Interruption
from morphseq_manifest.tracker.run.options import Options
from morphseq_manifest.tracker.run.outcome import End, Result, Watch
from morphseq_manifest.tracker.run.plan import chosen, forced, plan_of
from morphseq_manifest.tracker.run.recording import Recorder
from morphseq_manifest.tracker.run.run_log import RunLog
from morphseq_manifest.tracker.run.runner import Runner
from morphseq_manifest.tracker.run.schedule import MORE_THREADS, schedule
from morphseq_manifest.tracker.run.staging import Staging
from morphseq_manifest.tracker.run.sweeping import sweep
from morphseq_manifest.tracker.run.targets import Choice
from morphseq_manifest.tracker.snapshot import Snapshot

Watching = Callable[[list[Stage]], AbstractContextManager[Watch]]


class Report(msgspec.Struct, frozen=True):
    """The outcome of each stage, and what was foretold before it began."""

    results: dict[str, Result]
    warnings: list[str] = []

    @property
    def is_as_it_was(self) -> bool:
        """Whether there was nothing to do."""
        return all(result.end == End.UP_TO_DATE for result in self.results.values())

    @property
    def late(self) -> list[str]:
        """The stages that are not up to date now."""
        fine = {End.RAN, End.RESTORED, End.COMMITTED, End.UP_TO_DATE}
        return [name for name, result in self.results.items() if result.end not in fine]

    @property
    def exit_code(self) -> ExitCode:
        """0 if all that was asked for is up to date now, else 1."""
        return ExitCode.STALE if self.late else ExitCode.OK


def run(root: Path, options: Options, watching: Watching, engine: Engine | None = None) -> Report:
    """Bring the targets up to date, in warm workers on this machine or where `engine` runs them.

    `watching` is told the stages that the run is about, and gives who observes it. dvc.lock, DVC's cache and run cache
    are then what `dvc repro` would have made them. Raises ConfigError for unknown targets or experiments and for
    settings that can't be used, ContentError for a damaged dvc.lock, BusyError if another process works on the project.
    On Ctrl-C, SIGTERM and SIGHUP (raised as KeyboardInterrupt) what has finished is recorded, and what runs is ended; a
    second signal does not hinder that.
    """
    check_links(root)
    with project_lock.held(root, options.wait), Interruption() as interruption:
        for path, data in options.edits(root).items():
            files.write_bytes(root / path, data)
        snapshot = Snapshot(root)
        workspace = Workspace(root)
        check_ignored(snapshot, workspace)
        check_settings(snapshot, workspace)
        choice = chosen(snapshot, options)
        stages = [snapshot.graph.stages[name] for name in choice.stages]
        config = workspace.dvc_cache.config
        ignoring = GitIgnoring(root, stages, scm=not config.no_scm)
        staging = Staging(root, stages if config.autostage and ignoring.is_in_git else ())
        process_marks.end_left_over(root)
        sweep(root, workspace.dvc_cache.folder, iter(snapshot.graph.stages.values()))
        foretold = _foretold(snapshot, workspace, choice, options)
        workers = engine or LocalEngine()
        jobs = options.jobs or workers.slots
        begun = time.perf_counter()
        with watching(stages) as watch, RunLog(root, watch, options.asked) as log, closing(workers):
            means = Means(
                snapshot=snapshot,
                workspace=workspace,
                recorder=Recorder(root, workspace, snapshot.settings_of, ignoring),
                settings=SettingsChanged(snapshot),
                engine=workers,
                capacity=Capacity(jobs, workers.devices, options.share),
                watch=log,
                forced=forced(choice, options),
                fail_fast=options.fail_fast,
                history=History(root),
                place=root.resolve(),
            )
            workers.begin(root, snapshot.graph.stages, choice.stages)
            report = Report(Runner(choice.stages, means).go(jobs + MORE_THREADS, interruption), foretold)
            if engine is None:
                log.beside = _beside(report, snapshot, Capacity(jobs, workers.devices, options.share), jobs, begun)
        if report.exit_code == ExitCode.OK:
            staging.stage()
        return report


def _beside(report: Report, snapshot: Snapshot, capacity: Capacity, jobs: int, begun: float) -> float | None:
    """The seconds since `begun` that its stages alone would not have taken; None if none ran."""
    took = {name: result.took.seconds for name, result in report.results.items() if result.took}
    if not took:
        return None
    wanted = {name: needs(snapshot.graph.stages[name]) for name in took}
    alone = schedule([*took], snapshot.graph.before, took, {}, wanted, capacity, jobs).seconds
    return max(time.perf_counter() - begun - alone, 0.0)


def _foretold(snapshot: Snapshot, workspace: Workspace, choice: Choice, options: Options) -> list[str]:
    """What is to be feared of disks, said before anything runs; what can't be looked at is for the stages to say.

    What would run is worked out only if something is known of earlier runs, and a disk might be full.
    """
    stages = [snapshot.graph.stages[name] for name in choice.stages]
    if not (snapshot.root / history.FOLDER).is_dir() or is_ample(
        snapshot.root, workspace.dvc_cache, stages, snapshot.entries
    ):
        return []
    from morphseq_manifest.tracker.run.forecast import forecast  # most runs need none

    try:
        warnings = forecast(plan_of(snapshot, workspace, choice, options), options).warnings
    except (MorphseqError, OSError):
        return []
    for line in warnings:
        note(f"warning: {line}")
    return warnings
