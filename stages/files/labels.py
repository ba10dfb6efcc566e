"""Label images and QC masks: read from a well's stack, and checked to be of their size."""

from collections.abc import Mapping
from pathlib import Path

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages.files.stacks import Reader
from stages.imaging.arrays import Grey, Labels
from stages.imaging.qc_frame import QC_SIZE


def read_labels(pages: Mapping[int, Reader], well: str, time_int: int, folder: Path) -> Labels:
    """The label image of one frame of a well, from its stack in `folder`. Raises ContentError if there is none."""
    if time_int not in pages:
        raise ContentError(f"{folder}: well {well} has no labels for frame {time_int}. Run sam2 again")
    labels: Labels = pages[time_int]()
    return labels


def read_mask(pages: Mapping[int, Reader], well: str, time_int: int, folder: Path) -> Grey | None:
    """A QC network's mask of one frame of a well, from its stack in `folder`: uint8 (576, 320); None if there is none.

    Raises ContentError if it is of another size.
    """
    if time_int not in pages:
        return None
    mask: Grey = pages[time_int]()
    if mask.shape != QC_SIZE:
        raise ContentError(
            f"{folder}: the mask of well {well}, frame {time_int} is {mask.shape}, expected {QC_SIZE}. "
            "Run qc_masks again"
        )
    return mask


def check_shape(labels: Labels, frame: Frame, shape: tuple[int, ...], folder: Path) -> None:
    """Raise ContentError if labels are not of their frame's `shape` (H, W)."""
    if labels.shape != shape:
        raise ContentError(
            f"{folder}: labels of well {frame.well}, frame {frame.time_int} are {labels.shape}, the frame is {shape}. "
            "Run sam2 again"
        )
