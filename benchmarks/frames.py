"""Frames of the lab's largest size, with an embryo in each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from simulation.embryo import UM_PER_PX
from simulation.scene import SHAPE, draw
from simulation.wells import Well, scene

SIDE = 2189
UM = 3.23


class Drawn(NamedTuple):
    """A frame uint8 (2189, 2189), its labels uint8, its yolk and a bubble far off, bool."""

    grey: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    yolk: NDArray[np.bool_]
    bubble: NDArray[np.bool_]


def large_frame(number: int) -> Drawn:
    """A simulated frame as the lab's microscope would show it: 3.23 um/px, with its own noise."""
    frame = draw(scene(f"large/{number}", Well(), 0, 40.0, 40.0))
    pixels = tuple(round(size * UM_PER_PX / UM) for size in SHAPE[::-1])
    grey = Image.fromarray(frame.image).resize(pixels, Image.Resampling.BICUBIC)
    labels, yolk = (Image.fromarray(mask).resize(pixels, Image.Resampling.NEAREST)
                    for mask in (frame.labels, frame.yolk.astype(np.uint8)))  # fmt: skip
    top, left = ((SIDE - size) // 2 for size in pixels[::-1])
    rng = np.random.default_rng(number)
    whole = np.full((SIDE, SIDE), float(np.median(grey)))
    # Centred, and turned by as many degrees as the embryo happens to lie at.
    turned = []
    for image, fill, order in ((grey, whole[0, 0], 1), (labels, 0, 0), (yolk, 0, 0)):
        canvas = np.full((SIDE, SIDE), fill, np.float32)
        canvas[top : top + pixels[1], left : left + pixels[0]] = np.asarray(image)
        turned.append(ndimage.rotate(canvas, 37 * number, reshape=False, order=order, cval=fill))
    noisy = np.clip(np.rint(turned[0] + rng.normal(0, 2, whole.shape)), 0, 255).astype(np.uint8)
    bubble = np.zeros((SIDE, SIDE), bool)
    bubble[40:140, 40:140] = True
    return Drawn(noisy, np.rint(turned[1]).astype(np.uint8), turned[2] > 0.5, bubble)


def qc_page(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A mask of a frame as a network would have given it, uint8 0/255 (576, 320)."""
    return np.asarray(Image.fromarray(mask * np.uint8(255)).resize((320, 576), Image.Resampling.NEAREST))
