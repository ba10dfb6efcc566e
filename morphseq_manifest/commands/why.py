"""`morphseq why`."""

import click

from morphseq_manifest.base.console import Command, printing
from morphseq_manifest.commands.options import with_json


@click.command(cls=Command)
@click.argument("target")
@with_json
@click.pass_context
def why(context: click.Context, target: str, as_json: bool) -> None:
    """Show why TARGET will run, from the root cause.

    TARGET is a stage, a group of stages, an experiment, or a table. Ends with 0 where it is up to date, with 1
    where it would run, with 4 where something could not be told.
    """
    from morphseq_manifest.answers.why import view
    from morphseq_manifest.answers.why.explanation import why as look

    found = look(target, context.obj)
    with printing():
        view.show(found, as_json)
    context.exit(found.exit_code)
