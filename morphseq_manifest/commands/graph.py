"""`morphseq graph`."""

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.commands.options import with_json


@click.command(cls=Command, epilog=examples("morphseq graph", "morphseq graph --json"))
@with_json
@click.pass_context
def graph(context: click.Context, as_json: bool) -> None:
    """Print the graph of the stages as Mermaid, coloured by state.

    The stages of a group are one box, with how many are in which state, in the colour of the gravest. GitHub, GitLab
    and many editors draw it in a block of the language `mermaid`. Exit status: 0 if all is up to date, 1 if something
    would run, 4 if something could not be determined.
    """
    from morphseq_manifest.answers.graph import report, view
    from morphseq_manifest.base import display

    found = report.graph(context.obj)
    with printing():
        if as_json:
            display.show_json(view.SCHEMA, view.content(found))
        else:
            click.echo(view.mermaid(found))
    context.exit(found.exit_code)
