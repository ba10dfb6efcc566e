"""Label images: read from a well's stack, and checked against their frames."""

from collections.abc import Mapping
from pathlib import Path

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages.files.stacks import Reader
from stages.imaging.arrays import Labels


def read_labels(pages: Mapping[int, Reader], well: str, time_int: int, folder: Path) -> Labels:
    """The label image of one frame of a well, from its stack in `folder`. Raises ContentError if there is none."""
    if time_int not in pages:
        raise ContentError(f"{folder}: well {well} has no labels for frame {time_int}. Run sam2 again")
    labels: Labels = pages[time_int]()
    return labels


def check_shape(labels: Labels, frame: Frame, shape: tuple[int, ...], folder: Path) -> None:
    """Raise ContentError if labels are not of their frame's `shape` (H, W)."""
    if labels.shape != shape:
        raise ContentError(
            f"{folder}: labels of well {frame.well}, frame {frame.time_int} are {labels.shape}, the frame is {shape}. "
            "Run sam2 again"
        )
