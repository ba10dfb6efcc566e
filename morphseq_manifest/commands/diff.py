"""`morphseq diff`."""

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.base.errors import ConfigError, ExitCode
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.commands.options import with_json


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq diff",
        "morphseq diff v1.0",
        "morphseq diff v1.0 v1.1 --json",
        "morphseq diff v1.0 v1.1 --rows df02",
        "morphseq diff v1.0 --rows df03 --tolerance 1e-9 --csv",
    ),
)
@click.argument("old", default="HEAD")
@click.argument("new", required=False)
@click.option("--rows", "table", metavar="TABLE", help="Compare the rows of this table, cell by cell.")
@click.option(
    "--tolerance", type=click.FloatRange(0, 1), default=0.0, metavar="SHARE", help="Numbers so near count as the same."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a line a cell that differs, as CSV.")
@with_json
@click.pass_context
def diff(
    context: click.Context, old: str, new: str | None, table: str | None, tolerance: float, as_csv: bool, as_json: bool
) -> None:
    """Show what differs between two commits.

    From OLD (default: HEAD) to NEW (default: the working tree): experiments, frames, settings, rows, and outputs as
    dvc.lock records them; with --rows, the rows of a table that came, went or changed, by experiment and by column,
    for which both states of it are read from DVC's cache or its remote. Exit status: 0 if nothing differs, 1 if
    something does.
    """
    before, after = CohortSnapshot(context.obj, old), CohortSnapshot(context.obj, new)
    if table is not None:
        context.exit(_rows(table, before, after, tolerance, as_csv, as_json))
    if as_csv or tolerance:
        raise ConfigError("--csv and --tolerance are about rows: name a table, as in --rows df03")
    from morphseq_manifest.answers.provenance import difference as compare
    from morphseq_manifest.answers.provenance import view
    from morphseq_manifest.base import display

    found = compare.between(before, after)
    with printing():
        if as_json:
            display.show_json("morphseq/diff/1", {"old": before.commit, "new": after.commit, "difference": found})
        else:
            view.show_difference(found, before, after)
    context.exit(ExitCode.STALE if found else ExitCode.OK)


def _rows(
    table: str, before: CohortSnapshot, after: CohortSnapshot, tolerance: float, as_csv: bool, as_json: bool
) -> ExitCode:
    from morphseq_manifest.answers.table import comparison, comparison_view
    from morphseq_manifest.answers.table.rows import Table
    from morphseq_manifest.base import display

    found = comparison.compare(Table(table, before), Table(table, after), tolerance)
    with printing():
        if as_json:
            content = {"old": before.commit, "new": after.commit, **comparison_view.content(found)}
            display.show_json(comparison_view.SCHEMA, content)
        elif as_csv:
            comparison_view.write_csv(found)
        else:
            comparison_view.show(found, before.label, after.label)
    return ExitCode.STALE if found else ExitCode.OK
