"""`morphseq report`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.commands import completing

_RENEWED_S = 5


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq report",
        "morphseq report 20240418 -o 20240418.html",
        "morphseq report 20240418 20250305_1 --wells 96",
        "morphseq report --watch",
    ),
)
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...", shell_complete=completing.experiments)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default="report.html", metavar="FILE",
    help="Write this file (default: report.html).",
)  # fmt: skip
@click.option(
    "--wells", type=click.IntRange(0), metavar="N",
    help="Show so many wells of each experiment in pictures (default: 24 of one, fewer of each of many).",
)  # fmt: skip
@click.option("--watch", is_flag=True, help="Renew the page every few seconds until the run that goes on has ended.")
@click.pass_obj
def report(root: Path, experiments: tuple[str, ...], output: Path, wells: int | None, watch: bool) -> None:
    """Write a page to look at: status, tables, lost rows, pictures.

    One HTML file that needs nothing else: the state of every stage and why, what is in the tables and what has changed
    since the last commit, the rows lost and the reasons, the latent space; of each EXPERIMENT (all, if none is named)
    a map of its plate, frames with outlines and masks, area against stage. What is not there is said on it. Exit
    status: 0 if the page is written.
    """
    from morphseq_manifest.answers.report import watching
    from morphseq_manifest.base import display
    from morphseq_manifest.tracker import own_files

    if output.suffix.lower() not in {".html", ".htm"}:
        raise ConfigError(f"{output}: the name of a page ends with .html")
    own_files.check_free(root, output)
    with printing():
        for size in watching.written(root, experiments, wells, output, _RENEWED_S if watch else None):
            display.show(f"{output}: {display.amount(size)}")
