"""The shape of one embryo, in units of its own size: outline, body axis, yolk and eyes, as distance fields.

Everything here is in embryo coordinates: u runs along the long axis with the yolk at its positive end, v across it.
A field is a GRID x GRID float32 array over -HALF..HALF in (v, u); distances are negative inside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

GRID = 128
HALF = 1.55
SPACING = 2 * HALF / (GRID - 1)

_BODY_POINTS = 56
# Half the body's width from head (0) to tail (1), as a share of its widest.
_WIDTH_AT = (0.0, 0.05, 0.12, 0.2, 0.4, 0.65, 0.85, 1.0)
_WIDTH = (0.70, 0.95, 1.0, 0.86, 0.78, 0.52, 0.32, 0.17)

HILL_OFFSET_UM2, HILL_MAX_UM2, HILL_H, HILL_IP_HPF = 399860.57, 999787.75, 1.787712177, 30.188168811


@dataclass(frozen=True)
class Disk:
    """A round part: centre and radius in embryo coordinates."""

    v: float
    u: float
    radius: float

    def field(self, v: Field, u: Field) -> Field:
        """Signed distance to the disk's rim at the points (v, u)."""
        return np.hypot(v - self.v, u - self.u) - np.float32(self.radius)  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One embryo's shape. `outline` is the chorion's where there is one, else body and yolk together."""

    chorion: bool
    outline: Field
    body: Field
    along: Field  # 0 at the head to 1 at the tail: the nearest part of the body axis
    yolk: Disk
    eyes: tuple[Disk, ...]
    area: float  # of the outline
    cloud: NDArray[np.float64]  # (N, 2) points (v, u) that fill the outline evenly


def alike(function: Callable[..., NDArray[np.float64]], *values: NDArray[Any]) -> Field:
    """A function of arrays of numbers, float32, the same on all CPU cores: worked out in float64, then rounded.

    Worked out in float32, the last digits depend on the processor, and a few of a plate's pixels with them.
    """
    return function(*(value.astype(np.float64) for value in values)).astype(np.float32)


def surface_area_um2(stage_hpf: float) -> float:
    """Surface area (um2) of an embryo at a stage (hpf): the lab's Hill curve."""
    grown = stage_hpf**HILL_H
    return HILL_OFFSET_UM2 + HILL_MAX_UM2 * grown / (grown + HILL_IP_HPF**HILL_H)  # type: ignore[no-any-return]


@lru_cache(maxsize=128)
def anatomy(look: int, chorion: bool) -> Anatomy:
    """The shape that belongs to the number `look`: the same number, the same embryo."""
    rng = np.random.default_rng([look, int(chorion)])
    axis = np.linspace(-HALF, HALF, GRID, dtype=np.float32)
    v, u = np.meshgrid(axis, axis, indexing="ij")
    build = _in_chorion if chorion else _hatched
    points, widths, yolk, eyes = build(rng)
    body, along = _nearest(points, widths, v, u)
    outline = _chorion_rim(rng, v, u) if chorion else np.minimum(body, yolk.field(v, u))
    area = float(np.clip(0.5 - outline / SPACING, 0, 1).sum()) * SPACING**2
    inside = outline < 0
    inside[1::2] = inside[:, 1::2] = False
    cloud = np.stack([v[inside], u[inside]], axis=1).astype(np.float64)
    return Anatomy(chorion, outline, body, along, yolk, eyes, area, cloud)


_Parts = tuple[NDArray[np.float64], NDArray[np.float64], Disk, tuple[Disk, ...]]


def _in_chorion(rng: np.random.Generator) -> _Parts:
    """A body curled along the inside of the chorion, around a yolk that lies towards one end of the long axis."""
    side = rng.choice([-1.0, 1.0])
    yolk = Disk(rng.uniform(-0.04, 0.04), rng.uniform(0.20, 0.26), rng.uniform(0.20, 0.24))
    start = rng.uniform(0.75, 1.0)
    angle = side * (start + np.linspace(0, rng.uniform(3.4, 4.6), _BODY_POINTS))
    radius = 0.40 + 0.02 * np.sin(2 * angle + rng.uniform(0, 6))
    points = np.stack([radius * np.sin(angle), radius * 1.06 * np.cos(angle)], axis=1)
    widths = rng.uniform(0.115, 0.135) * _profile(rng)
    eyes = _eyes(rng, points, widths, count=int(rng.integers(1, 3)))
    return points, widths, yolk, eyes


def _hatched(rng: np.random.Generator) -> _Parts:
    """A bent body with the yolk under its front part."""
    side = rng.choice([-1.0, 1.0])
    length = rng.uniform(2.25, 2.5)
    along = np.linspace(0, 1, _BODY_POINTS)
    bend = side * (rng.uniform(0.1, 0.9) * (along - 0.5) + rng.uniform(0.1, 0.7) * (along - 0.5) ** 2)
    steps = np.stack([np.sin(bend), -np.cos(bend)], axis=1) * length / _BODY_POINTS
    points = np.cumsum(steps, axis=0)
    widths = rng.uniform(0.185, 0.205) * _profile(rng)
    at = int(rng.uniform(0.23, 0.27) * _BODY_POINTS)
    # Bent towards its belly, as embryos mostly lie, the yolk stays on the inner side.
    belly = points[at] + side * rng.uniform(0.08, 0.13) * np.array([1.0, 0.0])
    middle = (np.vstack([points, belly]).max(axis=0) + np.vstack([points, belly]).min(axis=0)) / 2
    points, belly = points - middle, belly - middle
    yolk = Disk(float(belly[0]), float(belly[1]), rng.uniform(0.19, 0.22))
    return points, widths, yolk, _eyes(rng, points, widths, count=1)


def _profile(rng: np.random.Generator) -> NDArray[np.float64]:
    jitter = 1 + rng.uniform(-0.06, 0.06, len(_WIDTH))
    return np.interp(np.linspace(0, 1, _BODY_POINTS), _WIDTH_AT, np.array(_WIDTH) * jitter)


def _eyes(
    rng: np.random.Generator, points: NDArray[np.float64], widths: NDArray[np.float64], count: int
) -> tuple[Disk, ...]:
    """One eye seen from the side, or two seen from above, in the head."""
    at = int(0.07 * _BODY_POINTS)
    ahead = points[at] - points[at + 2]
    across = np.array([-ahead[1], ahead[0]]) / np.hypot(*ahead) * widths[at]
    offsets = (rng.uniform(-0.25, 0.25),) if count == 1 else (-0.55, 0.55)
    radius = widths[at] * (0.46 if count == 1 else 0.36)
    return tuple(Disk(*(points[at] + offset * across).tolist(), float(radius)) for offset in offsets)  # type: ignore[call-arg]


def _chorion_rim(rng: np.random.Generator, v: Field, u: Field) -> Field:
    """A disc, a little longer along u than across and not quite even."""
    stretch = np.float32(np.sqrt(rng.uniform(1.08, 1.16)))
    angle = alike(np.arctan2, v, u)
    wobble = 1 + np.float32(0.008) * alike(np.sin, 3 * angle + np.float32(rng.uniform(0, 6)))
    radius = np.float32(np.sqrt(1 / np.pi))
    rim: Field = np.hypot(v * stretch, u / stretch) * wobble - radius
    return rim


def _nearest(points: NDArray[np.float64], widths: NDArray[np.float64], v: Field, u: Field) -> tuple[Field, Field]:
    """Distance to a body made of disks along its axis, and where along it the nearest disk is."""
    best = np.full(v.shape, np.inf, np.float32)
    along = np.zeros(v.shape, np.float32)
    for number, ((pv, pu), width) in enumerate(zip(points.astype(np.float32), widths.astype(np.float32), strict=True)):
        distance = np.hypot(v - pv, u - pu) - width
        nearer = distance < best
        best[nearer] = distance[nearer]
        along[nearer] = number / (len(points) - 1)
    return best, along
