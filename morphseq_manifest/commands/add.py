"""`morphseq add`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.base.errors import ConfigError


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq add 20240418",
        "morphseq add 20240418 20250305_1 --segmenter sam2",
        "morphseq add --new",
        "morphseq add --list plates.txt",
    ),
)
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...")
@click.option("--new", "is_new", is_flag=True, help="Add all with frames and a plate table that are not listed.")
@click.option(
    "--list",
    "listing",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Add those in FILE, an id a line; # begins a comment.",
)
@click.option("--segmenter", metavar="S", help="The folder of their segmenter (default: that of all others).")
@click.pass_context
def add(
    context: click.Context, experiments: tuple[str, ...], is_new: bool, listing: Path | None, segmenter: str | None
) -> None:
    """List experiments in params.yaml.

    Each EXPERIMENT is checked first, as `morphseq check` does; what a stage would refuse is not added, and named. All
    else in params.yaml stays as it is. Exit status: 0 if all are listed now, else that of the gravest finding.
    """
    from morphseq_manifest.answers.check import adding, view

    if sum([bool(experiments), is_new, listing is not None]) != 1:
        raise ConfigError("name experiments, or give --new or --list FILE: one of the three")
    names = _named(context.obj, experiments, is_new, listing)
    found = adding.add(context.obj, names, segmenter)
    if told := [row for row in view.rows(found.report) if row["finding"] != "fine"]:
        from morphseq_manifest.base import display

        with printing():
            display.show_table(told, view.title(found.report))
    for word, some in (("listed already", found.already), ("not added", found.refused)):
        if some:
            note(f"{word}: {', '.join(some)}")
    segmented = f", with the segmenter {found.segmenter}" if found.names else ""
    note(f"added: {', '.join(found.names) or 'none'}{segmented}")
    context.exit(found.report.exit_code if found.refused else 0)


def _named(root: Path, experiments: tuple[str, ...], is_new: bool, listing: Path | None) -> list[str]:
    """The ids that are meant; what is passed over on the way is said."""
    from morphseq_manifest.cohort import candidates
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

    if is_new:
        found = candidates.unlisted(CohortSnapshot(root))
        for name, paths in found.partial.items():
            note(f"left out: {name}: there is only {', '.join(paths)}")
        return found.whole
    if listing is None:
        return list(experiments)
    names, again = candidates.read_list(listing)
    if again:
        note(f"{listing}: more than once: {', '.join(again)}")
    return names
