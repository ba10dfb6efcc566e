"""`morphseq blame`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.commands.options import with_json


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq blame 20240418_A01_e01_t0003",
        "morphseq blame 20240418_A01_e01_t0003 --since v1.0",
        "morphseq blame 20240418 --rev v1.0 --json",
        "morphseq blame some_rows.csv --row 17",
    ),
)
@click.argument("name", metavar="ID")
@click.option("--rev", help="Answer for this commit, from git alone.")
@click.option("--since", metavar="REV", help="Name only what is not as it was at this commit, with both values.")
@click.option("--row", type=int, metavar="N", help="ID is a CSV: ask about its row N, the columns' names being row 1.")
@click.option("--verbose", is_flag=True, help="Show each thing in a line of its own, not those of one commit in one.")
@with_json
@click.pass_context
def blame(
    context: click.Context,
    name: str,
    rev: str | None,
    since: str | None,
    row: int | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Show what a row is made from, and who last changed that.

    ID is a snip, an embryo, a well, a frame (its image_id) or an experiment. Told are frames, plate table, settings,
    models and versions, as the stages have used them, from git and the manifests alone: no data is needed. Of an embryo
    or a snip, only the experiment, well and frame are looked up. Exit status: 0 if all could be told, 2 if nobody
    knows ID, 4 if something can't be read.
    """
    from morphseq_manifest.answers.blame import report, row_id, view

    if (row is not None) != name.endswith(".csv"):
        raise ConfigError("--row N and a CSV go together: `morphseq blame FILE.csv --row N`")
    asked = name if row is None else row_id.in_table(Path(name), row)
    found = report.blame(asked, context.obj, rev, since)
    with printing():
        view.show(found, as_json, verbose)
    context.exit(found.exit_code)
