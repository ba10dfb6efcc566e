"""`morphseq orphans`."""

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.base.display import amount
from morphseq_manifest.commands.asking import ask_to_delete
from morphseq_manifest.commands.options import with_json


@click.command(
    cls=Command,
    epilog=examples("morphseq orphans", "morphseq orphans 20240418", "morphseq orphans 20240418 --delete"),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--delete", is_flag=True, help="Delete it; asks first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_json
@click.pass_context
def orphans(context: click.Context, names: tuple[str, ...], delete: bool, yes: bool, as_json: bool) -> None:
    """Show what is left of what is no longer listed.

    Outputs, entries of dvc.lock, what DVC's cache holds for these alone, and what stages keep to resume from, with
    sizes; of each experiment or model NAME, by default of all. Frames, plate tables and models are never among it.
    With --delete, what a stage has made here goes, and its entries; DVC's cache stays. Exit status: 0, but 1 if you
    said no, and 4 if something can't be looked at.
    """
    from morphseq_manifest.answers.orphans import deleting, report, view

    found = report.look(context.obj, names)
    if not delete or as_json:
        with printing():
            view.show(found, as_json)
    if delete and found.deletable:
        paths = [orphan.path for orphan in found.deletable]
        ask_to_delete(paths, f"{len(paths)} thing{'s' * (len(paths) > 1)}", "--delete", yes=yes)
        gone = deleting.delete(context.obj, found, names)
        note(f"deleted: {len(gone)} of {len(found.deletable)}, {amount(sum(orphan.size for orphan in gone))}")
    elif delete:
        note("nothing to delete")
    context.exit(found.exit_code)
