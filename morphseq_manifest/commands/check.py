"""`morphseq check`."""

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.commands import completing
from morphseq_manifest.commands.options import with_json


@click.command(
    cls=Command,
    epilog=examples("morphseq check", "morphseq check 20240418 20250305_1", "morphseq check 20240418 --frames"),
)
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...", shell_complete=completing.experiments)
@click.option("--segmenter", metavar="S", help="Of those not listed yet (default: that of all others).")
@click.option("--frames", is_flag=True, help="Read every frame, and compare what is recorded of them.")
@with_json
@click.pass_context
def check(
    context: click.Context, experiments: tuple[str, ...], segmenter: str | None, frames: bool, as_json: bool
) -> None:
    """Check the inputs of plates before anything runs.

    Looks at the folder of frames, the plate table, the workbook and the models of each EXPERIMENT, listed or not (by
    default of all that are listed), with the checks of the project's own stages; of the frames, it reads the first of
    each well, or, with --frames, all: the images manifests that are up to date must then be what the stage would write
    of them. Exit status: 0 if all is fine, 1 if something is to be looked into, 3 or 4 if a stage would refuse
    something, 2 if an id can't be one.
    """
    from morphseq_manifest.answers.check import report, view

    found = report.check(context.obj, experiments, segmenter, frames)
    with printing():
        view.show(found, as_json)
    context.exit(found.exit_code)
