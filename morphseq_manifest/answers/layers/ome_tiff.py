"""A well as one OME-TIFF, which Fiji, napari, QuPath and OMERO open with its axes, channels and micrometres."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np

from morphseq_manifest.answers.layers.report import EMBRYOS, Well
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError

ENDING = ".ome.tif"


def write(path: Path, well: Well) -> None:
    """Write frames, embryos (as labels) and QC masks as channels, a plane at a time: TCYX, deflate-compressed.

    Raises ContentError if a picture is of another size than the first frame, and as Well.planes does.
    """
    import tifffile

    channels = well.layers
    first = next(well.planes(EMBRYOS)) if EMBRYOS in channels else np.zeros(0, np.uint8)
    dtype = np.promote_types(np.uint8, first.dtype)
    title = f"{well.experiment} {well.name}"
    about: dict[str, Any] = {"axes": "TCYX", "Channel": {"Name": channels}, "Name": title, "UUID": _uuid(title, well)}
    if well.um_per_px:
        for axis in "XY":
            about |= {f"PhysicalSize{axis}": well.um_per_px, f"PhysicalSize{axis}Unit": "µm"}
    shape = (len(well.frames), len(channels), *well.shape)
    with files.replacing(path) as temporary, tifffile.TiffWriter(temporary, ome=True, bigtiff=True) as tif:
        tif.write(
            _planes(well, channels, dtype), shape=shape, dtype=dtype, photometric="minisblack",
            compression="adobe_deflate", metadata=about,
        )  # fmt: skip


def _uuid(title: str, well: Well) -> str:
    """The same for the same frames: else tifffile takes one by chance, and no file is like another."""
    return f"urn:uuid:{uuid5(NAMESPACE_OID, title + ''.join(frame.xxh3_128 for frame in well.frames))}"


def _planes(well: Well, channels: list[str], dtype: Any) -> Iterator[Any]:
    """All planes, the channels of a frame one after the other."""
    for frame, planes in zip(well.frames, zip(*map(well.planes, channels), strict=True), strict=True):
        for channel, plane in zip(channels, planes, strict=True):
            if plane.shape != well.shape:
                raise ContentError(
                    f"{well.experiment}, well {well.name}, frame {frame.time_int}: {channel} is {plane.shape}, the "
                    f"first frame {well.shape}. Run its stage again"
                )
            yield plane.astype(dtype)
