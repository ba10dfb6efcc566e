"""`morphseq adopt`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.commands.options import with_json


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq adopt --from /storage/morphseq/data --dry-run",
        "morphseq adopt --from /storage/morphseq/data --experiments 20240418,20250305_1 --segmenter threshold",
        "morphseq adopt",
    ),
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="ROOT",
    help="The lab's data root (default: data in the project).",
)
@click.option("--experiments", multiple=True, metavar="A,B", help="Only these experiments (default: all there).")
@click.option("--segmenter", metavar="S", help="That of experiments new in params.yaml (default: that of all others).")
@click.option("--dry-run", is_flag=True, help="Show what is whole, half done or contradictory; change nothing.")
@with_json
@click.pass_context
def adopt(
    context: click.Context,
    source: Path | None,
    experiments: tuple[str, ...],
    segmenter: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take over what a lab has made before.

    Nothing is computed again. Whatever is whole in ROOT is linked into the project (tables are copied), listed in
    params.yaml and recorded in dvc.lock; manifests/adopted says what was, and that nobody knows how it was made. What
    is half done or contradictory is named, and left. Nothing in ROOT is changed. Exit status: 0 if all that is there
    was taken over, 1 if something was left; in a dry run, 1, 3 or 4 if something is half done, contradictory or
    unreadable.
    """
    from morphseq_manifest.answers.adopt import adopting, report, view

    root: Path = context.obj
    found = report.look(root, source, experiments)
    if dry_run:
        with printing():
            view.show(found, as_json)
        context.exit(report.exit_code(found))
    became = adopting.adopt(root, source or root / report.DATA, found, segmenter)
    with printing():
        view.show_adopted(found, became, as_json)
    if became.stages:
        note("commit params.yaml, dvc.lock and manifests: they say what was taken over")
    context.exit(became.exit_code)
