"""What every segmenter gives for a frame."""

from typing import NamedTuple

from stages.imaging.arrays import Labels

MOST_EMBRYOS = 255


class Segmented(NamedTuple):
    """One frame's embryos: labels uint8 (H, W), each embryo's value kept over the well; confidence 0..1 by value.

    `is_seed` says that the embryos of the well were looked for anew in this frame, not followed from another.
    """

    labels: Labels
    confidence: dict[int, float]
    is_seed: bool = False
