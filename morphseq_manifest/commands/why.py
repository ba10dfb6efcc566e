"""`morphseq why`."""

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.commands import completing
from morphseq_manifest.commands.options import with_json


@click.command(
    cls=Command,
    epilog=examples("morphseq why df03", "morphseq why sam2@20240418", "morphseq why 20240418 --json"),
)
@click.argument("target", shell_complete=completing.targets)
@with_json
@click.pass_context
def why(context: click.Context, target: str, as_json: bool) -> None:
    """Show why TARGET will run, from the root cause.

    TARGET is a stage, a group of stages, an experiment, or a table. Exit status: 0 if it is up to date, 1 if it would
    run, 4 if something could not be determined.
    """
    from morphseq_manifest.answers.why import view
    from morphseq_manifest.answers.why.explanation import why as look

    found = look(target, context.obj)
    with printing():
        view.show(found, as_json)
    context.exit(found.exit_code)
