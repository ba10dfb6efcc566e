"""`morphseq provenance`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.base.errors import ConfigError, ExitCode
from morphseq_manifest.commands import completing
from morphseq_manifest.commands.options import with_json

if TYPE_CHECKING:
    from morphseq_manifest.cohort.snapshot import CohortSnapshot


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq provenance df01",
        "morphseq provenance df03 --rev v1.0 --json",
        "morphseq provenance df01 --check",
        "morphseq provenance attachment.csv",
        "morphseq provenance --experiment 20240418",
    ),
)
@click.argument("table", required=False, shell_complete=completing.tables)
@click.option("--rev", help="Answer for this commit, from git alone.")
@click.option("--experiment", shell_complete=completing.experiments, help="Trace this experiment back to its frames.")
@click.option("--check", is_flag=True, help="Read the table itself and compare its rows with the manifest.")
@with_json
@click.pass_context
def provenance(
    context: click.Context, table: str | None, rev: str | None, experiment: str | None, check: bool, as_json: bool
) -> None:
    """Show which experiments, with which content, are in TABLE.

    TABLE is df01, df02, df03, or any copy of one (FILE.csv), whose commit is then found. Exit status: 0 if every
    experiment is current, 1 if one is not, 3 if a table is not what was recorded.
    """
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

    snapshot = CohortSnapshot(context.obj, rev)
    if experiment is not None:
        if table is not None or check:
            raise ConfigError("--experiment traces one experiment through all tables: leave out TABLE and --check")
        with printing():
            _show_lineage(experiment, snapshot, as_json)
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


def _show_states(table: str, snapshot: "CohortSnapshot", as_json: bool) -> ExitCode:
    from morphseq_manifest.answers import warnings
    from morphseq_manifest.answers.provenance import membership, table_check

    found = membership.of_snapshot(table, snapshot)
    manifest = found.manifest
    edited = table_check.manifest_changed(table, snapshot)
    with printing():
        if as_json:
            from morphseq_manifest.base import display

            display.show_json(
                "morphseq/provenance/1",
                {"table": table, "commit": snapshot.commit, "rows": manifest.rows, "hash": manifest.hash,
                 "model": manifest.model, "coverage": manifest.coverage, "experiments": found.experiments,
                 "differences": edited, "warnings": warnings.of_tables({table: manifest})},
            )  # fmt: skip
        else:
            from morphseq_manifest.answers.provenance import view

            view.show_states(found)
    for change in edited:
        note(f"{change.name} is not the one that {table} wrote: its md5 is {change.new}, recorded is {change.old}")
    if edited:
        return ExitCode.CONTENT
    is_current = all(item.state == membership.Membership.CURRENT for item in found.experiments)
    return ExitCode.OK if is_current else ExitCode.STALE


def _show_check(table: str, snapshot: "CohortSnapshot", as_json: bool) -> ExitCode:
    from morphseq_manifest.answers.provenance import table_check, view
    from morphseq_manifest.base import display
    from morphseq_manifest.cohort.tables import manifest_of, table_path

    manifest = manifest_of(table, snapshot)
    path = table_path(table, manifest, snapshot)
    found = table_check.check(table, path, manifest, snapshot)
    with printing():
        if as_json:
            display.show_json("morphseq/check/1", {"table": table, "path": str(path), "differences": found})
        else:
            view.show_findings(str(path), found)
    return ExitCode.CONTENT if found else ExitCode.OK


def _show_origin(path: Path, snapshot: "CohortSnapshot", as_json: bool) -> ExitCode:
    from morphseq_manifest.answers.provenance import table_check, view
    from morphseq_manifest.base import display

    origin = table_check.recognise(path, snapshot.root)
    known = origin is not None and not origin.differences
    with printing():
        if as_json:
            content = origin._asdict() if origin else {}
            display.show_json("morphseq/origin/1", {"file": str(path), "known": known, **content})
        else:
            view.show_origin(str(path), origin, snapshot.root)
    return ExitCode.OK if known else ExitCode.CONTENT


def _show_lineage(experiment: str, snapshot: "CohortSnapshot", as_json: bool) -> None:
    from morphseq_manifest.answers.provenance import lineage, view
    from morphseq_manifest.base import display

    traced = lineage.trace(experiment, snapshot)
    if as_json:
        display.show_json("morphseq/way/1", {"way": traced, "images": snapshot.images(experiment)})
    else:
        view.show_lineage(traced)
