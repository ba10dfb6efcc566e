"""`morphseq audit`."""

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.commands import completing
from morphseq_manifest.commands.options import with_json


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq audit",
        "morphseq audit --sample 20 --seed 7 build03 df01",
        "morphseq audit snips@20240418 --sample 100 --json",
    ),
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...", shell_complete=completing.targets)
@click.option(
    "--sample", "percent", type=click.FloatRange(0, 100, min_open=True), default=5, show_default=True,
    metavar="PERCENT", help="So much of the stages, and of the wells of those that make stacks.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the sample, the same one again.")
@click.option(
    "--tolerance", type=click.FloatRange(0, 1), default=1e-6, show_default=True, metavar="SHARE",
    help="By so much may numbers of a table that is not the same to the byte differ.",
)  # fmt: skip
@with_json
@click.pass_context
def audit(
    context: click.Context, targets: tuple[str, ...], percent: float, seed: int, tolerance: float, as_json: bool
) -> None:
    """Make a random sample of what is recorded again, and compare.

    Draws stages, and wells of the stages that make stacks, of TARGETs (stages or groups; by default of all); makes each
    again from its inputs in a place of its own, without caches and without what was kept, and compares to the byte, or
    else, of tables, within the tolerance. Nothing in the project changes but manifests/audit.json, which says what was
    made again, of which commit, on which machine, by which versions, and the result. Exit status: 0 if all is the same,
    1 if something is only near or was left out, 3 if something else came out, 4 if a stage failed.
    """
    from morphseq_manifest.answers.audit import report, view
    from morphseq_manifest.base import display

    asked = report.Asked(targets, percent, seed, tolerance)
    found = report.audit(context.obj, asked, lambda one: note(f"{one.stage} {','.join(one.wells)} {one.result}"))
    with printing():
        if as_json:
            display.show_json(view.SCHEMA, view.content(found))
        else:
            view.show(found)
    context.exit(found.exit_code)
