"""A well in napari: frames, embryos, QC masks and snips as layers of one scale, in micrometres."""

from importlib.util import find_spec
from typing import Any

import numpy as np

from morphseq_manifest.answers.layers.report import EMBRYOS, FRAME, Well
from morphseq_manifest.base.errors import ConfigError

_GAP = 1.05  # snips stand beside the frame, so far apart


def show(well: Well) -> None:
    """Open a window, and wait until it is closed. Raises ConfigError if napari is not installed."""
    if find_spec("napari") is None:
        raise ConfigError("napari is not installed: pip install 'napari[all]', or write a file: --output WELL.ome.tif")
    import napari

    viewer = napari.Viewer(title=f"{well.experiment} {well.name}")
    add_layers(viewer, well)
    napari.run()


def add_layers(viewer: Any, well: Well) -> None:
    """Add the layers to a viewer: frames as an image, embryos and masks as labels, the snips beside them."""
    um = well.um_per_px or 1.0
    units = ("pixel", "um", "um") if well.um_per_px else None
    for layer in well.layers:
        planes = np.stack(list(well.planes(layer)))
        if layer == FRAME:
            viewer.add_image(planes, name=layer, scale=(1, um, um), units=units)
        else:
            viewer.add_labels(planes, name=layer, scale=(1, um, um), units=units, visible=layer == EMBRYOS)
    beside = well.shape[1] * um * _GAP
    own = well.snip_um_per_px or um
    for snips in well.snips():
        place = (0, 0, beside)
        viewer.add_image(snips.planes, name=snips.name, scale=(1, own, own), units=units, translate=place)
        beside += snips.planes.shape[2] * own * _GAP
