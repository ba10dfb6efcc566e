"""`morphseq index`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, note


@click.command(cls=Command, epilog=examples("morphseq index data/training_data/bf_embryo_snips/20240418"))
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_context
def index(context: click.Context, folder: Path) -> None:
    """Write the index of a folder of stacks again.

    It lists the stacks in FOLDER as they are now, in FOLDER/contents.json: `morphseq verify` asks for it if that
    file is lost or damaged, and says afterwards whether the stacks are the recorded ones.
    """
    from morphseq_manifest.cohort.manifests import stack_index

    # FOLDER is seen from the present folder, or from that of -C, wherever the project begins.
    place = (context.parent.params["root"] if context.parent else Path()) / folder
    stack_index.write(place)
    note(f"{place / stack_index.NAME} written")
