"""`morphseq status`."""

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.commands import standing
from morphseq_manifest.commands.options import with_experiments, with_json

# As they are typed; what they mean is not needed to read a command line.
_STATES = ("up-to-date", "out-of-date", "behind", "missing", "failed", "unreadable")


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq status",
        "morphseq status --experiments 20240418,20250305_1 --verbose",
        "morphseq status --only failed --only out-of-date",
        "morphseq status --later-than 20240401 --json",
    ),
)
@with_experiments
@click.option(
    "--only", multiple=True, metavar="STATE", type=click.Choice(_STATES),
    help=f"Show only experiments with a stage in this state: {', '.join(_STATES)}.",
)  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Name every stage that is not up to date.")
@click.option("--remote", is_flag=True, help="Have DVC look at what is outside of the project, s3:// and the like.")
@with_json
@click.pass_context
def status(
    context: click.Context,
    experiments: tuple[str, ...],
    later_than: str | None,
    only: tuple[str, ...],
    verbose: bool,
    remote: bool,
    as_json: bool,
) -> None:
    """Show what is up to date, and what is not.

    One row for each experiment, one column for each step; then the tables and what is in them. Exit status: 0 if
    everything is up to date, 1 if something would run, 4 if something could not be determined.
    """
    from morphseq_manifest.answers.status import view
    from morphseq_manifest.answers.status.report import status as look

    with standing.answering(context.obj) as answer:
        report = look(context.obj, experiments, later_than, remote=remote)
        with answer.hearing(), printing():
            view.show(report.only(only) if only else report, as_json, verbose)
        if not remote:  # nobody hears of a change there
            answer.keep(report.exit_code)
    context.exit(report.exit_code)
