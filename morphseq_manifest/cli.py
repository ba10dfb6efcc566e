"""The `morphseq` command: thin functions; what they do is in the modules they import when called."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from morphseq_manifest.console import Group, note
from morphseq_manifest.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from morphseq_manifest.snapshot import Snapshot


@click.group(cls=Group)
@click.option(
    "-C", "root", type=click.Path(path_type=Path, file_okay=False), default=".", help="Work on the project in DIR."
)
@click.pass_context
def main(context: click.Context, root: Path) -> None:
    """Which experiments, with which content, are in df01, df02 and df03."""
    context.obj = root


@main.command()
@click.argument("table", required=False)
@click.option("--rev", help="Answer for this commit, from git alone.")
@click.option("--experiment", help="Show this experiment's way back, from df03 to its frames.")
@click.option("--check", is_flag=True, help="Read the table itself and compare its rows with the manifest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def provenance(
    context: click.Context, table: str | None, rev: str | None, experiment: str | None, check: bool, as_json: bool
) -> None:
    """Show which experiments, with which content, are in TABLE: df01, df02, df03, or any copy of one (FILE.csv).

    Ends with 1 where an experiment is not current, with 3 where a table is not what was recorded.
    """
    from morphseq_manifest.snapshot import Snapshot

    snapshot = Snapshot(context.obj, rev)
    if experiment is not None:
        if table is not None or check:
            raise ConfigError("--experiment shows one experiment's way through all tables: leave out TABLE and --check")
        _show_way(experiment, snapshot, as_json)
    elif table is None:
        raise ConfigError("name a table (df01, df02, df03), a file, or --experiment")
    elif table.endswith(".csv"):
        if rev or check:
            raise ConfigError("a file is looked up in all commits: leave out --rev and --check")
        context.exit(_show_origin(Path(table), snapshot, as_json))
    elif check:
        if rev:
            raise ConfigError("--check reads the table of the working tree: leave out --rev")
        context.exit(_show_check(table, snapshot, as_json))
    else:
        context.exit(_show_states(table, snapshot, as_json))


def _show_states(table: str, snapshot: "Snapshot", as_json: bool) -> ExitCode:
    from morphseq_manifest import states

    found = states.examine(table, snapshot)
    manifest = states.manifest_of(table, snapshot)
    if as_json:
        from morphseq_manifest import display

        display.show_json(
            "morphseq/provenance/1",
            {"table": table, "commit": snapshot.commit, "rows": manifest.rows, "hash": manifest.hash,
             "model": manifest.model, "coverage": manifest.coverage, "experiments": found},
        )  # fmt: skip
    else:
        from morphseq_manifest import reports

        reports.show_states(table, manifest, found, snapshot)
    return ExitCode.OK if all(item.state == "current" for item in found) else ExitCode.STALE


def _show_check(table: str, snapshot: "Snapshot", as_json: bool) -> ExitCode:
    from morphseq_manifest import display, reports, states, table_check

    manifest = states.manifest_of(table, snapshot)
    path = table_check.table_path(table, manifest, snapshot)
    found = table_check.check(path, manifest)
    if as_json:
        display.show_json("morphseq/check/1", {"table": table, "path": str(path), "differences": found})
    else:
        reports.show_findings(str(path), found)
    return ExitCode.CONTENT if found else ExitCode.OK


def _show_origin(path: Path, snapshot: "Snapshot", as_json: bool) -> ExitCode:
    from morphseq_manifest import display, reports, table_check

    origin = table_check.recognise(path, snapshot.root)
    known = origin is not None and not origin.differences
    if as_json:
        content = origin._asdict() if origin else {}
        display.show_json("morphseq/origin/1", {"file": str(path), "known": known, **content})
    else:
        reports.show_origin(str(path), origin, snapshot.root)
    return ExitCode.OK if known else ExitCode.CONTENT


def _show_way(experiment: str, snapshot: "Snapshot", as_json: bool) -> None:
    from morphseq_manifest import display, reports, trace

    way = trace.trace(experiment, snapshot)
    if as_json:
        display.show_json("morphseq/way/1", {"way": way, "images": snapshot.images(experiment)})
    else:
        reports.show_way(way)


@main.command()
@click.argument("old", default="HEAD")
@click.argument("new", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def diff(context: click.Context, old: str, new: str | None, as_json: bool) -> None:
    """Show what differs from commit OLD (HEAD) to NEW (the working tree): experiments, frames, settings, rows.

    Ends with 1 where something does.
    """
    from morphseq_manifest import diff as compare
    from morphseq_manifest import display, reports
    from morphseq_manifest.snapshot import Snapshot

    before, after = Snapshot(context.obj, old), Snapshot(context.obj, new)
    found = compare.diff(before, after)
    if as_json:
        display.show_json("morphseq/diff/1", {"old": before.commit, "new": after.commit, "difference": found})
    else:
        reports.show_difference(found, before, after)
    context.exit(ExitCode.STALE if found else ExitCode.OK)


@main.command()
@click.option("--sample", type=click.FloatRange(0, 100, min_open=True), metavar="PERCENT", help="Hash this share only.")
@click.option("--seed", type=int, help="Take the sample that was taken with this seed.")
@click.option("--experiment", "experiments", multiple=True, help="Check this experiment only (repeat it, or a,b).")
@click.option("--restart", is_flag=True, help="Hash again what an interrupted check has hashed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(
    context: click.Context,
    sample: float | None,
    seed: int | None,
    experiments: tuple[str, ...],
    restart: bool,
    as_json: bool,
) -> None:
    """Hash everything again, and name what is not as recorded.

    Frames, stacks, tables, models and manifests: damaged, missing and unrecorded ones. Ends with 3 where there are
    any, with 4 where something can't be read, with 1 where stages recorded different contents of one file. After
    Ctrl-C the same command goes on where it was.
    """
    import gc

    # What is listed lives until the command ends: to look through it for garbage, also at the end, only takes time.
    gc.disable()
    context.call_on_close(gc.freeze)
    from morphseq_manifest import verify as checking
    from morphseq_manifest.verify import view

    if seed is not None and sample is None:
        raise ConfigError("--seed repeats a sample: give --sample too")
    report = checking.verify(context.obj, experiments, sample=sample, seed=seed, restart=restart, watch=view.watching)
    view.show(report, as_json)
    context.exit(report.exit_code)


@main.group(cls=Group)
def code() -> None:
    """Compare the code of the stages with what was recorded for their versions."""


@code.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def code_status(context: click.Context, as_json: bool) -> None:
    """Show which stages have other code than recorded.

    Changed code under an unchanged version, or a version whose code is not recorded: ends with 1.
    """
    from morphseq_manifest import code_versions, display

    states = code_versions.status(context.obj)
    if as_json:
        display.show_json("morphseq/code-status/1", {"stages": states})
    else:
        display.show_table(code_versions.rows(states), code_versions.title(states))
        for line in code_versions.advice(states):
            note(line)
    context.exit(ExitCode.OK if code_versions.is_clean(states) else ExitCode.STALE)


@code.command("accept")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.pass_obj
def code_accept(root: Path, stages: tuple[str, ...]) -> None:
    """Record the present code of each STAGE (or all).

    It goes into manifests/code.json, under the present version of the stage in params.yaml. Where the code has changed
    and the version has not, this says that the results stay the same.
    """
    from morphseq_manifest import code_versions

    for line in code_versions.accepted(code_versions.accept(root, stages)):
        note(line)


if __name__ == "__main__":
    main()
