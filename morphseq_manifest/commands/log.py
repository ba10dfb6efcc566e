"""`morphseq log`."""

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.commands.options import with_json


@click.command(cls=Command, epilog=examples("morphseq log", "morphseq log -n 100", "morphseq log --json"))
@click.option("-n", "most", type=click.IntRange(1), default=20, metavar="N", help="Show the latest N runs (20).")
@with_json
@click.pass_context
def log(context: click.Context, most: int, as_json: bool) -> None:
    """Show who ran what, when, where, and how it ended.

    A line for each `morphseq run` in this project that had something to do, by whomever, the latest first. `failed`
    also counts stages that could not run since one before them failed. A run that was killed has left no end: it is
    `killed or lost`. Exit status: 0, but 4 if a colleague's part of the journal can't be read.
    """
    from morphseq_manifest.tracker.run import past_runs

    found = past_runs.read(context.obj)
    with printing():
        past_runs.show(found, most, as_json)
    context.exit(found.exit_code)
