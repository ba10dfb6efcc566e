"""`morphseq status`."""

import click

from morphseq_manifest.base.console import Command, printing
from morphseq_manifest.commands.options import with_experiments, with_json


@click.command(cls=Command)
@with_experiments
@click.option("--verbose", is_flag=True, help="Name all that is not up to date.")
@with_json
@click.pass_context
def status(
    context: click.Context, experiments: tuple[str, ...], later_than: str | None, verbose: bool, as_json: bool
) -> None:
    """Show what is up to date, and what is not.

    A row an experiment, a column a step, then the tables and what is in them. Ends with 0 where nothing would run,
    with 1 where something would, with 4 where something could not be told.
    """
    from morphseq_manifest.answers.status import view
    from morphseq_manifest.answers.status.report import status as look

    report = look(context.obj, experiments, later_than)
    with printing():
        view.show(report, as_json, verbose)
    context.exit(report.exit_code)
