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


def oval(shape: tuple[int, int], middle: tuple[float, float], radii: tuple[float, float], angle: float) -> np.ndarray:
    """An ellipse of two `radii` in px, the first one turned by `angle`."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    y, x = rows - middle[0], columns - middle[1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1)


# Half the width of a larva of 5 dpf in um, at shares of its length: head, neck, belly, tail.
_LARVA_AT = (0, 0.03, 0.08, 0.13, 0.2, 0.28, 0.36, 0.5, 0.7, 0.9, 1)
_LARVA_UM = (90, 170, 220, 210, 170, 230, 190, 110, 85, 55, 20)


def larva(um_per_px: float, length_um: float, bend: float, curl: float) -> np.ndarray:
    """A hatched larva, bent by `bend` radians, its tail curled by `curl` more, with room around it."""
    at = np.linspace(0, 1, 200)
    angle = np.cumsum(bend + 2 * curl * np.clip((at - 0.55) / 0.45, 0, 1)) / len(at)
    step = length_um / um_per_px / len(at)
    middles = np.cumsum(np.stack([np.sin(angle), np.cos(angle)]), axis=1) * step
    room = 600 / um_per_px
    middles += room - middles.min(axis=1, keepdims=True)
    height, width = (int(side) for side in middles.max(axis=1) + room)
    mask = np.zeros((height, width), bool)
    for (row, column), half in zip(middles.T, np.interp(at, _LARVA_AT, _LARVA_UM) / um_per_px, strict=True):
        mask |= disc(mask.shape, row, column, half)
    return mask


def photographed(light: np.ndarray, blur_px: float = 0, slope: float = 0) -> np.ndarray:
    """A frame, uint8, of what lets through so much of the `light` (H, W): blurred, lit unevenly by `slope`, noisy."""
    y, x = (np.linspace(-0.5, 0.5, size) for size in light.shape)
    lamp = 190 * (1 + slope * x[None] - slope * y[:, None] ** 2)
    grey = ndimage.gaussian_filter(light.astype(np.float32), blur_px) * lamp
    return np.clip(np.rint(grey + np.random.default_rng(0).normal(0, 3, light.shape)), 0, 255).astype(np.uint8)
