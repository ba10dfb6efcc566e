"""The seed frame's boxes: how a frame is reduced for the detector, and which of its boxes are embryos."""

import msgspec
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for, and how sure the detector must be; frames are reduced to `short_px`, or else `long_px`."""

    prompt: str = "individual embryo"
    box: float = 0.45  # a query counts from this score on
    iou: float = 0.5  # of two boxes that overlap by more than this (intersection over union), the surer one stays
    short_px: int = 800  # of the shorter side of what the network sees
    long_px: int = 1333  # at most, of the longer side


def reduced(shape: tuple[int, ...], settings: Settings) -> tuple[int, int]:
    """The size (H, W) at which the detector sees a frame of `shape`: the shorter side fixed, the longer one limited."""
    factor = min(settings.short_px / min(shape), settings.long_px / max(shape))
    return max(round(shape[0] * factor), 1), max(round(shape[1] * factor), 1)


def choose(scores: Boxes, boxes: Boxes, shape: tuple[int, ...], settings: Settings) -> Boxes:
    """The boxes of embryos: float32 (N, 4) of left, top, right, bottom in px, from top to bottom.

    `scores` (Q,) 0..1 and `boxes` (Q, 4), middle and size (x, y, w, h) as shares of a frame of `shape` (H, W), are
    one a query. Those below the score are dropped, and those that overlap a surer one (greedy non-maximum
    suppression); a tie goes to the first query.
    """
    height, width = shape
    middle, half = boxes[:, :2], boxes[:, 2:] / 2
    corners = np.clip(np.concatenate([middle - half, middle + half], axis=1), 0, 1) * np.array(
        [width, height] * 2, np.float32
    )
    kept: list[int] = []
    for query in np.argsort(-scores, kind="stable").tolist():
        if scores[query] > settings.box and all(_iou(corners[query], corners[surer]) <= settings.iou for surer in kept):
            kept.append(query)
    chosen = corners[sorted(kept, key=lambda query: (corners[query][1], corners[query][0]))]
    return np.asarray(chosen, np.float32).reshape(-1, 4)


def _iou(first: Boxes, second: Boxes) -> float:
    """Intersection over union of two boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    areas = sum(float(np.prod(box[2:] - box[:2])) for box in (first, second))
    return common / (areas - common) if areas > common else 0.0
