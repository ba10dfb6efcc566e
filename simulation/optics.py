"""What the microscope adds: uneven light, dust and fibres, air bubbles, the sensor's noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from simulation.anatomy import Field, alike

Shape = tuple[int, int]
_SUPERSAMPLE = 2


@dataclass(frozen=True)
class Bubble:
    """An air bubble: centre and radius in px."""

    y: float
    x: float
    radius: float


def lamp(rng: np.random.Generator, shape: Shape) -> Field:
    """The empty field's brightness, float32 (H, W) in grey levels: a slope, and corners darker than the middle."""
    y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    level = rng.uniform(150, 228)
    tilt_y, tilt_x = rng.uniform(-0.05, 0.05, 2)
    middle_y, middle_x = rng.uniform(-0.3, 0.3, 2)
    vignette = rng.uniform(0.02, 0.05) * ((y - middle_y) ** 2 + (x - middle_x) ** 2)
    field: Field = (level * (1 + tilt_y * y + tilt_x * x - vignette)).astype(np.float32)
    return field


def debris(rng: np.random.Generator, shape: Shape) -> Field:
    """Light through dust and fibres, float32 (H, W) in 0..1: broad faint fibres, sharp dark ones, specks."""
    broad = [_Strand.random(rng, shape, (100, 260), (8, 13)) for _ in range(rng.integers(0, 3))]
    sharp = [_Strand.random(rng, shape, (30, 90), (1.5, 2.5)) for _ in range(rng.integers(0, 2))]
    specks = np.zeros(shape, np.float32)
    for _ in range(rng.integers(6, 25)):
        specks[rng.integers(shape[0]), rng.integers(shape[1])] = rng.uniform(1, 6)
    light = 1 - np.minimum(ndimage.gaussian_filter(specks, float(rng.uniform(0.9, 1.6))), 0.6)
    for strands, sigma, dark in ((broad, 3.0, 0.06), (sharp, 0.6, 0.6)):
        if strands:
            light *= 1 - np.float32(dark) * ndimage.gaussian_filter(_cover(strands, shape), sigma)
    return light  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Strand:
    """A curved fibre: its points (x, y) and its width, px."""

    points: NDArray[np.float64]
    width: float

    @classmethod
    def random(
        cls, rng: np.random.Generator, shape: Shape, length: tuple[float, float], width: tuple[float, float]
    ) -> "_Strand":
        """A fibre that begins anywhere in the frame and bends one way."""
        steps = 24
        heading = rng.uniform(0, 2 * np.pi) + rng.uniform(-2, 2) * np.linspace(0, 1, steps) ** 2
        stride = rng.uniform(*length) / steps
        ways = np.stack([np.cos(heading), np.sin(heading)], axis=1) * stride
        return cls(rng.uniform((0, 0), shape[::-1]) + np.cumsum(ways, axis=0), rng.uniform(*width))


def _cover(strands: list[_Strand], shape: Shape) -> Field:
    """Where the strands are, float32 (H, W) in 0..1."""
    canvas = Image.new("L", (shape[1] * _SUPERSAMPLE, shape[0] * _SUPERSAMPLE))
    pen = ImageDraw.Draw(canvas)
    for strand in strands:
        line = [(float(x), float(y)) for x, y in strand.points * _SUPERSAMPLE]
        pen.line(line, fill=255, width=max(1, round(strand.width * _SUPERSAMPLE)), joint="curve")
    return np.asarray(canvas.resize(shape[::-1], Image.Resampling.BOX), np.float32) / np.float32(255)


def bubble(drop: Bubble, shape: Shape) -> tuple[Field, NDArray[np.bool_]]:
    """Light through an air bubble, float32 (H, W), and where it is: bright within a sharp dark ring."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    distance = np.hypot(y - drop.y, x - drop.x).astype(np.float32)
    depth = drop.radius - distance
    ring = 0.13 * drop.radius + 0.8
    cover = np.clip(0.5 + depth, 0, 1)
    inner = np.clip(depth - ring, 0, 1)
    glow = 0.12 * alike(np.exp, -(((depth - ring - 2) / 3) ** 2))
    light = 1 + cover * ((1 - inner) * (0.16 - 1) + inner * (0.02 + glow))
    return light.astype(np.float32), distance <= drop.radius


def sensor(rng: np.random.Generator, light: Field) -> NDArray[np.uint8]:
    """What the camera records of `light` (grey levels): uint8, with a noise that grows with the light."""
    noise = rng.standard_normal(light.shape, dtype=np.float32) * (0.6 + 0.09 * np.sqrt(np.maximum(light, 0)))
    return np.clip(np.rint(light + noise), 0, 255).astype(np.uint8)
