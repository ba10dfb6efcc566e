"""`morphseq run`, and its old name, `morphseq pipeline`."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.base.errors import ConfigError, ExitCode, MorphseqError
from morphseq_manifest.commands import completing, standing
from morphseq_manifest.commands.options import with_experiments, with_json

if TYPE_CHECKING:
    from morphseq_manifest.cohort.snapshot import CohortSnapshot
    from morphseq_manifest.tracker.dvc.stages import Stage
    from morphseq_manifest.tracker.run.engines import Engine
    from morphseq_manifest.tracker.run.options import Options
    from morphseq_manifest.tracker.run.outcome import Watch

# The lab's name for all stages, and its older names of tables.
EVERYTHING = "e2e"
_ALIASES = {"build04": "df02", "build06": "df03"}
_OPTIONS = (
    with_experiments,
    click.option("--force", is_flag=True, help="Rerun the targets even if up to date, but nothing upstream."),
    click.option("--with-downstream", is_flag=True, help="Run all that depends on the targets, too."),
    click.option("--dry-run", is_flag=True, help="Show what would run, why, and how long it takes; change nothing."),
    click.option("--model-name", metavar="M", help="Set model_name in params.yaml first."),
    click.option(
        "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Stages to run at once (default: CPU cores)."
    ),
    click.option("--per-gpu", type=click.IntRange(1), default=1, metavar="N", help="Stages that share a GPU (1)."),
    click.option("--keep-going/--fail-fast", default=True, help="After a failure, run what can be run (the default)."),
    click.option(
        "--wait", type=click.FloatRange(0), default=0, metavar="S", help="Wait up to S seconds for another process."
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler."),
    click.option("--insecure", is_flag=True, help="Take a --scheduler without TLS: whoever reaches it runs code."),
    click.option(
        "--cluster",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Run as jobs of the queueing system that FILE describes: docs/cluster.md.",
    ),
    click.option("--detach", is_flag=True, help="With --cluster: when the run is ended, leave its jobs running."),
    with_json,
)


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return click.pass_context(function)


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq run",
        "morphseq run df03 --dry-run",
        "morphseq run build03 --experiments 20240418,20250305_1",
        "morphseq run snips@20240418 --force --with-downstream -j 4",
        "morphseq run df03 --model-name demo_b",
        "morphseq run --cluster slurm.yaml",
    ),
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...", shell_complete=completing.targets)
@_with_options
def run(context: click.Context, targets: tuple[str, ...], **given: Any) -> None:
    """Bring TARGETs up to date, many at once.

    A TARGET is a stage (df03), a group (build03), or a stage of a group (build03@20240418), of the dvc.yaml in this
    folder first; or one of another (sub/dvc.yaml:train), or all of it (sub/dvc.yaml). Without a target, or for
    e2e, everything runs; build04 and build06 are the lab's names for df02 and df03. What is up to date stays, what is
    in DVC's run cache is restored, and afterwards `dvc status` is clean. Exit status: 0 if all stages succeeded, 1 if
    one failed, or, in a dry run, if one would run.
    """
    context.exit(_run(context.obj, targets, **given))


@click.command(cls=Command, epilog=examples("morphseq pipeline e2e", "morphseq pipeline build06 --dry-run"))
@click.argument("action")
@_with_options
def pipeline(context: click.Context, action: str, **given: Any) -> None:
    """Run ACTION: the old name of `morphseq run`."""
    context.exit(_run(context.obj, (action,), **given))


def _run(root: Path, targets: tuple[str, ...], **given: Any) -> ExitCode:
    if given["scheduler"] and given["cluster"]:
        raise ConfigError("--scheduler is for a cluster that runs, --cluster starts one: leave out one of them")
    if given["per_gpu"] > 1 and (given["scheduler"] or given["cluster"]):
        raise ConfigError(
            "--per-gpu is for the GPUs of this machine: leave it out; a cluster's workers say what they have"
        )
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

    with standing.answering(root) as answer:
        snapshot = CohortSnapshot(root)
        options, undated = _options(snapshot, targets, given)
        if given["dry_run"]:
            return _plan(snapshot, options, undated, given["as_json"], answer)
        return _go(snapshot, options, given, undated, answer)


def _options(
    snapshot: "CohortSnapshot", targets: tuple[str, ...], given: dict[str, Any]
) -> tuple["Options", list[str]]:
    """What is to be run, and the experiments that are left out since their ids have no date."""
    from morphseq_manifest.base.project_folder import folder_in
    from morphseq_manifest.cohort.model_name import with_model
    from morphseq_manifest.cohort.selection import select
    from morphseq_manifest.tracker.run.options import Options

    model = given["model_name"]
    chosen, undated = select(snapshot.experiments, given["experiments"], given["later_than"])
    is_some = given["experiments"] or given["later_than"]
    options = Options(
        targets=() if EVERYTHING in targets else [_ALIASES.get(target, target) for target in targets],
        keys=chosen if is_some else None,
        force=given["force"],
        with_downstream=given["with_downstream"],
        edit=None if model is None else lambda root: with_model(root, model),
        jobs=given["jobs"],
        share=given["per_gpu"],
        fail_fast=not given["keep_going"],
        wait=given["wait"],
        asked=sys.argv[1:],
        folder="" if EVERYTHING in targets else folder_in(str(snapshot.root)),
    )
    return options, undated


def _plan(
    snapshot: "CohortSnapshot", options: "Options", undated: list[str], as_json: bool, answer: standing.Answer
) -> ExitCode:
    from morphseq_manifest.answers import warnings
    from morphseq_manifest.tracker.run import plan_view
    from morphseq_manifest.tracker.run.forecast import forecast
    from morphseq_manifest.tracker.run.plan import plan

    planned = plan(snapshot.root, options)
    rows = planned.rows()
    expected = forecast(planned, options) if rows else None
    told = warnings.of_inputs(snapshot, planned.steps.values()) + (expected.warnings if expected else [])
    code = _code_of(snapshot, [planned.snapshot.graph.stages[name] for name in planned.steps])
    with answer.hearing():
        with printing():
            plan_view.show(rows, len(planned.steps), undated, as_json, expected, told)
        for line in (*(f"warning: {line}" for line in told), *code):
            note(line)
    status = ExitCode.STALE if rows else ExitCode.OK
    if expected is None or not expected.is_known:  # how much is free on the disks changes all the time
        answer.keep(status)
    return status


def _go(
    snapshot: "CohortSnapshot", options: "Options", given: dict[str, Any], undated: list[str], answer: standing.Answer
) -> ExitCode:
    import gc

    from morphseq_manifest.tracker.dvc import config
    from morphseq_manifest.tracker.run import view
    from morphseq_manifest.tracker.run.running import run

    gc.freeze()  # what there is by now stays to the end
    gc.enable()  # a run may take days
    root = snapshot.root
    if sys.stderr.isatty():
        _foretell(root, options)
    stages: list[Stage] = []
    code: list[str] = []

    def watching(chosen: "list[Stage]") -> "AbstractContextManager[Watch]":
        stages.extend(chosen)
        code.extend(_code_of(snapshot, chosen))  # as it is when they run
        return view.watching(chosen)

    with _engine(given) as engine:
        report = run(root, options, watching, engine)
    warnings = report.warnings + _warnings(root, stages)
    with answer.hearing():
        with printing():
            view.show(report, root, undated, warnings, given["as_json"])
        for line in code:
            note(line)
    # Whether a lock that is a link is held, giving an answer again does not look.
    if engine is None and report.is_as_it_was and not config.read(root).hardlink_lock:
        answer.keep(report.exit_code, waits=True)
    return report.exit_code


def _foretell(root: Path, options: "Options") -> None:
    """Tell people what the run will take, if anything is known of it; what can't be looked at, the run itself tells."""
    from morphseq_manifest.tracker.run import history, plan_view
    from morphseq_manifest.tracker.run.forecast import forecast
    from morphseq_manifest.tracker.run.plan import plan

    if not (root / history.FOLDER).is_dir():
        return
    with suppress(MorphseqError, OSError):
        planned = plan(root, options)
        if planned.rows() and (expected := forecast(planned, options)).is_known:
            note(f"expected: {plan_view.in_words(expected)}")


def _engine(given: dict[str, Any]) -> "AbstractContextManager[Engine | None]":
    """What runs the stages, if it is not this machine."""
    if given["scheduler"] is None and given["cluster"] is None:
        return nullcontext()
    from morphseq_manifest.tracker.run import clusters

    return clusters.engine(given["scheduler"], given["cluster"], insecure=given["insecure"], detach=given["detach"])


def _warnings(root: Path, stages: list["Stage"]) -> list[str]:
    """What does not fit and what has no row, of the experiments and tables of these stages, as they are now."""
    from morphseq_manifest.answers import warnings
    from morphseq_manifest.cohort.snapshot import CohortSnapshot
    from morphseq_manifest.cohort.tables import TABLES

    snapshot = CohortSnapshot(root)
    experiments = sorted({stage.key for stage in stages if stage.key in snapshot.experiments})
    tables = [stage.name for stage in stages if stage.name in TABLES]
    return warnings.of_project(snapshot, experiments, tables)


def _code_of(snapshot: "CohortSnapshot", stages: list["Stage"]) -> list[str]:
    """Which of these stages have code that is not as recorded: that makes none of them run again."""
    from morphseq_manifest.answers.code.unrecorded import unrecorded_of

    return unrecorded_of(snapshot, {stage.group for stage in stages}).lines()
