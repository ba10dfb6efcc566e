"""Segmenters turn a well's frames, in time order, into label images. A model folder's `kind` says which one does."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from scipy import ndimage

from morphseq_manifest.base.errors import ContentError
from stages.imaging.arrays import Grey
from stages.imaging.qc_frame import from_qc, to_qc_input
from stages.networks import model_folder, torch_device
from stages.segmentation import scale, seed_boxes, threshold
from stages.segmentation.segmented import MOST_EMBRYOS, Segmented
from stages.segmentation.tracking import Tracker

# What the settings of segmenters were called while they were px, and shares, of the frame.
_RENAMED = {"work_px": "work_um", "smooth_px": "smooth_um", "opening_px": "opening_um", "min_area": "least_um2"}


class Segmenter(Protocol):
    """What the stage sam2 needs of any segmenter."""

    def segment(self, frames: Iterable[Grey], um_per_px: float | None = None) -> Iterator[Segmented]:
        """Segment one well's frames, uint8 (H, W), in time order, one at a time.

        `um_per_px` is the plate's scale, None if it is not known: what is in um then goes by scale.um_per_px.
        """
        ...


class ThresholdConfig(msgspec.Struct, tag="threshold", tag_field="kind", forbid_unknown_fields=True):
    """Background-normalised threshold: needs no weights."""

    settings: threshold.Settings


class Build02Config(msgspec.Struct, tag="build02", tag_field="kind", forbid_unknown_fields=True):
    """The embryo mask network (shapes.UNet of `width`); components below `least_um2` are dropped."""

    width: int
    probability: float
    least_um2: float


class Sam2Config(msgspec.Struct, tag="sam2", tag_field="kind", forbid_unknown_fields=True):
    """GroundingDINO and SAM 2.1, in the folder's `grounding_dino/` and `sam2/` as transformers saves them."""

    detector: seed_boxes.Settings


class ThresholdSegmenter:
    """Embryos are what is darker than the background, solid and large enough; those that touch are told apart."""

    def __init__(self, settings: threshold.Settings) -> None:
        self._settings = settings

    def segment(self, frames: Iterable[Grey], um_per_px: float | None = None) -> Iterator[Segmented]:
        """Segment frames, uint8 (H, W), tracking by overlap; confidence: share of pixels dark before filling."""
        tracker = Tracker()
        for index, grey in enumerate(frames):
            dark = threshold.foreground(grey, scale.um_per_px(grey.shape, um_per_px), self._settings)
            yield _tracked(tracker, dark.labels, list(dark.confidence), is_seed=index == 0)


class Build02Segmenter:
    """Embryos are the connected components of the embryo mask network's output."""

    def __init__(self, folder: Path, config: Build02Config) -> None:
        from stages.networks.mask_network import load_unet, probabilities

        self._network = load_unet(folder, config.width)
        self._probabilities = probabilities
        self._config = config

    def segment(self, frames: Iterable[Grey], um_per_px: float | None = None) -> Iterator[Segmented]:
        """Segment frames, uint8 (H, W), tracking by overlap; confidence: mean probability within the embryo."""
        tracker = Tracker()
        for index, grey in enumerate(frames):
            with torch_device.one_thread():
                probability = self._probabilities(self._network, to_qc_input(grey)[None])[0]
            levels = from_qc(np.rint(probability * 255).astype(np.uint8), grey.shape)
            components, count = ndimage.label(levels >= 255 * self._config.probability, np.ones((3, 3)))
            values = np.arange(1, count + 1)
            px_um2 = scale.um_per_px(grey.shape, um_per_px) ** 2
            sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
            large = sizes * px_um2 >= self._config.least_um2
            renumber = np.concatenate([[0], np.where(large, np.cumsum(large), 0)])
            confidence = ndimage.mean(levels / 255, components, values[large])
            sure = [float(value) for value in confidence]
            yield _tracked(tracker, renumber[components], sure, is_seed=index == 0)


def _tracked(
    tracker: Tracker,
    components: np.ndarray[tuple[int, ...], np.dtype[np.integer]],
    confidence: list[float],
    *,
    is_seed: bool,
) -> Segmented:
    if len(confidence) > MOST_EMBRYOS:
        raise ContentError(
            f"{len(confidence)} components in one frame: no frame of embryos, or a segmenter that does not fit"
        )
    labels, values = tracker.follow(components.astype(np.uint8))
    return Segmented(labels, dict(zip(values, confidence, strict=True)), is_seed)


def load(folder: Path) -> Segmenter:
    """The segmenter of a model folder. Raises as model_folder.read_config and the kinds' own loading do."""
    config = model_folder.read_config(folder, ThresholdConfig | Build02Config | Sam2Config, _RENAMED)
    if isinstance(config, ThresholdConfig):
        return ThresholdSegmenter(config.settings)
    if isinstance(config, Build02Config):
        return Build02Segmenter(folder, config)
    from stages.segmentation.sam2_video import Sam2Segmenter

    return Sam2Segmenter(folder, config.detector)
