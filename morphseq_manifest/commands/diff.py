"""`morphseq diff`."""

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.base.errors import ExitCode
from morphseq_manifest.commands.options import with_json


@click.command(cls=Command, epilog=examples("morphseq diff", "morphseq diff v1.0", "morphseq diff v1.0 v1.1 --json"))
@click.argument("old", default="HEAD")
@click.argument("new", required=False)
@with_json
@click.pass_context
def diff(context: click.Context, old: str, new: str | None, as_json: bool) -> None:
    """Show what differs between two commits.

    From OLD (default: HEAD) to NEW (default: the working tree): experiments, frames, settings, rows, and outputs as
    dvc.lock records them. Exit status: 0 if nothing differs, 1 if something does.
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
