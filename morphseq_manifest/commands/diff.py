"""`morphseq diff`."""

import click

from morphseq_manifest.base.console import Command, printing
from morphseq_manifest.base.errors import ExitCode
from morphseq_manifest.commands.options import with_json


@click.command(cls=Command)
@click.argument("old", default="HEAD")
@click.argument("new", required=False)
@with_json
@click.pass_context
def diff(context: click.Context, old: str, new: str | None, as_json: bool) -> None:
    """Show what differs between two commits.

    From OLD (HEAD) to NEW (the working tree): experiments, frames, settings, rows. Ends with 1 where something does.
    """
    from morphseq_manifest.answers.provenance import difference as compare
    from morphseq_manifest.answers.provenance import view
    from morphseq_manifest.base import display
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

    before, after = CohortSnapshot(context.obj, old), CohortSnapshot(context.obj, new)
    found = compare.diff(before, after)
    with printing():
        if as_json:
            display.show_json("morphseq/diff/1", {"old": before.commit, "new": after.commit, "difference": found})
        else:
            view.show_difference(found, before, after)
    context.exit(ExitCode.STALE if found else ExitCode.OK)
