"""`morphseq status` and `morphseq why`."""

import click

from morphseq_manifest.base.console import Command


@click.command(cls=Command)
@click.option("--experiments", multiple=True, metavar="A,B", help="These experiments only.")
@click.option("--later-than", metavar="YYYYMMDD", help="Those of a later day only; ids with no date are listed.")
@click.option("--verbose", is_flag=True, help="Name all that is not up to date.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    view.show(report, as_json, verbose)
    context.exit(report.exit_code)


@click.command(cls=Command)
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def why(context: click.Context, target: str, as_json: bool) -> None:
    """Show why TARGET will run, from the root cause.

    TARGET is a stage, a group of stages, an experiment, or a table. Ends with 0 where it is up to date, with 1
    where it would run, with 4 where something could not be told.
    """
    from morphseq_manifest.answers.why import view
    from morphseq_manifest.answers.why.explanation import why as look

    found = look(target, context.obj)
    view.show(found, as_json)
    context.exit(found.exit_code)
