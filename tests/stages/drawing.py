"""Masks and images to try the stages' pure functions on."""

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from stages.imaging.arrays import Slices


def disc(shape: tuple[int, int], row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def whole(image: np.ndarray) -> Slices:
    """The box that is all of an image."""
    return slice(0, image.shape[0]), slice(0, image.shape[1])


def ellipse(shape: tuple[int, int], angle: float) -> tuple[np.ndarray, np.ndarray]:
    """A long embryo, its axis turned by `angle`, and its yolk near one end."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    rows, columns = rows - shape[0] / 2, columns - shape[1] / 2
    along = rows * np.cos(angle) + columns * np.sin(angle)
    across = -rows * np.sin(angle) + columns * np.cos(angle)
    return (along / 120) ** 2 + (across / 40) ** 2 <= 1, (along - 70) ** 2 + across**2 <= 20**2


def png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "png")
    return out.getvalue()


def blobs(seed: int, shape: tuple[int, int], share: float) -> np.ndarray:
    """Random blobs, in several parts and touching the edges as it comes."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 4)
    return np.asarray(noise > np.quantile(noise, 1 - share))
