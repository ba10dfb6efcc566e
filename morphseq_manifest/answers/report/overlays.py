"""What is drawn over a frame: the embryos' outlines and the QC masks in colour; and pictures as data of a page."""

import base64
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from morphseq_manifest.answers.pictures import image_files
from morphseq_manifest.answers.pictures.image_files import Grey, Labels

Colour = tuple[int, int, int]
# Told apart by people who don't see all colours, and by their lightness (Okabe and Ito 2008).
OUTLINE: Colour = (0, 255, 120)
MASKS: dict[str, Colour] = {
    "yolk": (240, 228, 66),
    "dead": (213, 94, 0),
    "focus": (86, 180, 233),
    "bubble": (204, 121, 167),
}
_SHARE = 0.4
_QUALITY = 72


def small(grey: Grey, most: int) -> Grey:
    """A picture whose longer side has at most so many pixels."""
    from PIL import Image

    height, width = grey.shape
    scale = min(most / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))


def drawn_over(grey: Grey, labels: Labels | None, masks: Mapping[str, Grey]) -> NDArray[np.uint8]:
    """A small frame (h, w) as RGB, with QC masks in their colours and the outlines of the embryos."""
    picture = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    for name, mask in masks.items():
        where = image_files.laid_back(mask, grey.shape) > 0
        picture[where] = picture[where] * (1 - _SHARE) + np.array(MASKS[name], np.float32) * _SHARE
    if labels is not None:
        picture[_outline(image_files.nearest(labels, grey.shape))] = OUTLINE
    return np.rint(picture).astype(np.uint8)


def _outline(labels: Labels) -> NDArray[np.bool_]:
    """The pixels on either side of the edge of an embryo."""
    padded = np.pad(labels, 1, mode="edge")
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    edge: NDArray[np.bool_] = np.logical_or.reduce([labels != other for other in beside])
    return edge


def as_data(pixels: NDArray[np.uint8]) -> str:
    """A picture as the address of an image of a page, WebP in itself."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
