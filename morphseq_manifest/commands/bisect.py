"""`morphseq bisect`."""

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.commands import completing
from morphseq_manifest.commands.options import with_json


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq bisect df01 --when 'rows of 20240418'",
        "morphseq bisect df02 --when 'share with use_embryo_flag'",
        "morphseq bisect df03 --when 'area_um2 of 20240418_A01_e01_t0000' --rev v1.1",
        "morphseq bisect df02 --when 'rows < 700000' --json",
    ),
)
@click.argument("table", shell_complete=completing.tables)
@click.option("--when", required=True, metavar="QUANTITY", help="What is looked for, as in the examples.")
@click.option("--rev", default="HEAD", show_default=True, metavar="REV", help="In the history of this commit.")
@with_json
@click.pass_context
def bisect(context: click.Context, table: str, when: str, rev: str, as_json: bool) -> None:
    """Find the commits at which something of TABLE changed.

    TABLE is df01, df02 or df03. QUANTITY is a count that manifests tell (rows, embryos, wells, frames, experiments,
    coverage, a step of the funnel, a reason), of the table or `of` an experiment; or a COLUMN `of` a row (its snip_id);
    or the `share with` a flag. Compared with a value, it is looked for when that became true or false. Every commit
    that changed the table's manifest is looked at; cells are read from DVC's cache or its remote, and nothing is run.
    Exit status: 0 if a change was found, 1 if there is none, 4 if that can't be said of some commit, which is named.
    """
    from morphseq_manifest.answers.bisect import report, view
    from morphseq_manifest.base import display

    found = report.bisect(context.obj, table, when, rev)
    with printing():
        if as_json:
            display.show_json(view.SCHEMA, view.content(found, when))
        else:
            view.show(found, when)
    context.exit(found.exit_code)
