"""`morphseq view`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, note
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.commands import completing


@click.command(
    cls=Command,
    epilog=examples("morphseq view 20240418 A01", "morphseq view 20240418 A01 --output A01.ome.tif"),
)
@click.argument("experiment", shell_complete=completing.experiments)
@click.argument("well")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.ome.tif",
    help="Write an OME-TIFF in place of opening napari.",
)  # fmt: skip
@click.pass_obj
def view(root: Path, experiment: str, well: str, output: Path | None) -> None:
    """Show a well: frames, embryos, masks and snips.

    In napari, if it is installed: all as layers of one scale, in um. With --output, frames, embryos (as labels) and
    QC masks become the channels of one OME-TIFF, in which Fiji and others measure in um. Exit status: 3 if a frame is
    not the one that was listed, 4 if one can't be read.
    """
    from importlib.util import find_spec

    if find_spec("tifffile") is None or find_spec("PIL") is None:
        raise ConfigError("pictures need pillow and tifffile: pip install 'morphseq-manifest[stages]'")
    from morphseq_manifest.answers.layers import napari_view, ome_tiff
    from morphseq_manifest.answers.layers.report import Well
    from morphseq_manifest.tracker import own_files

    if output is not None and not output.name.endswith(ome_tiff.ENDING):
        raise ConfigError(f"{output}: the name of an OME-TIFF ends with {ome_tiff.ENDING}")
    if output is not None:
        own_files.check_free(root, output)
    found = Well(root, experiment, well)
    if found.um_per_px is None:
        note(f"the plate table of {experiment} gives no scale: everything is in pixels")
    if output is None:
        napari_view.show(found)
        return
    ome_tiff.write(output, found)
    note(f"{output} written: {len(found.frames)} frames, channels {', '.join(found.layers)}")
