"""One embryo as it appears in a frame: how much light each of its pixels lets through, and the truth about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from simulation.anatomy import GRID, HALF, SPACING, Anatomy, Field, alike, anatomy, surface_area_um2

Mask = NDArray[np.bool_]

UM_PER_PX = 8.0
_PAD_PX = 24
_FOCUS_RIM_PX = 6
_TILE = 64


@dataclass(frozen=True)
class Embryo:
    """One embryo in one frame. `look` is the seed of what is its own: shape, shades, where it dies first."""

    look: int
    y: float
    x: float
    angle: float
    stage_hpf: float
    size: float = 1.0
    chorion: bool = True
    dead: float = 0.0
    blur_px: float = 0.0

    @property
    def shape(self) -> Anatomy:
        """Its shape, in units of its own size."""
        return anatomy(self.look, self.chorion)

    @property
    def px_per_unit(self) -> float:
        """The scale at which its outline has the area that belongs to its stage."""
        area_px = surface_area_um2(self.stage_hpf) * self.size / UM_PER_PX**2
        return float(np.sqrt(area_px / self.shape.area))

    def points(self) -> NDArray[np.float64]:
        """(N, 2) points (y, x) in px that fill its outline evenly."""
        v, u = self.shape.cloud.T * self.px_per_unit
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.stack([self.y + u * sin + v * cos, self.x + u * cos - v * sin], axis=1)


@dataclass(frozen=True)
class Parts:
    """An embryo drawn in its window of the frame: all arrays have the window's shape."""

    window: tuple[slice, slice]
    light: Field  # share of the background's light that comes through
    outline: Mask
    yolk: Mask
    dead: Mask
    unfocused: Mask


def draw(embryo: Embryo, shape: tuple[int, int]) -> Parts:
    """Draw one embryo into a frame of `shape` (H, W)."""
    window, v, u = _window(embryo, shape)
    tissue = _Tissue(embryo, v, u)
    light = tissue.light()
    dead = tissue.dead()
    if dead.any():
        light = np.where(dead, tissue.crumbs(), light)
    inside = tissue.outline < 0
    blurred = np.zeros_like(inside)
    if embryo.blur_px:
        light = ndimage.gaussian_filter(light, embryo.blur_px, mode="nearest")
        blurred = ndimage.distance_transform_edt(~inside) <= _FOCUS_RIM_PX
    return Parts(window, light, inside, (tissue.yolk < 0) & inside & ~dead, dead, blurred)


def _window(embryo: Embryo, shape: tuple[int, int]) -> tuple[tuple[slice, slice], Field, Field]:
    """The part of the frame that an embryo covers, and embryo coordinates (v, u) of its pixels."""
    points = embryo.points()
    low = np.maximum(np.floor(points.min(axis=0)) - _PAD_PX, 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0)) + _PAD_PX, shape).astype(int)
    y, x = np.mgrid[low[0] : high[0], low[1] : high[1]].astype(np.float32)
    y, x = y - np.float32(embryo.y), x - np.float32(embryo.x)
    scale = np.float32(1 / embryo.px_per_unit)
    cos, sin = np.float32(np.cos(embryo.angle)), np.float32(np.sin(embryo.angle))
    window = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])))
    return window, (y * cos - x * sin) * scale, (y * sin + x * cos) * scale


class _Tissue:
    """The layers of one embryo at the points (v, u); distances in px, light as a share of the background."""

    def __init__(self, embryo: Embryo, v: Field, u: Field) -> None:
        self.embryo, self.v, self.u = embryo, v, u
        self.rng = np.random.default_rng([embryo.look, 7])
        self.px = np.float32(embryo.px_per_unit)
        shape = embryo.shape
        self.outline = self._sample(shape.outline) * self.px
        self.body = self._sample(shape.body) * self.px
        self.along = self._sample(shape.along)
        self.yolk = shape.yolk.field(v, u) * self.px
        self.fine = self._texture(26)
        self.coarse = self._texture(7)
        self.shade = self.rng.uniform(-0.04, 0.04, 4)

    def light(self) -> Field:
        """The living embryo: chorion, body, yolk over it, eyes."""
        light = self._chorion() if self.embryo.chorion else np.ones_like(self.v)
        light = _over(light, self.body, self._body_light())
        yolk = 0.62 + self.shade[0] + 0.05 * self.coarse + 0.012 * self.fine - 0.45 * _near(self.yolk, 5.0)
        light = _over(light, self.yolk, yolk)
        for eye in self.embryo.shape.eyes:
            rim = eye.field(self.v, self.u) * self.px
            light = _over(light, rim, 0.20 + self.shade[1])
        return light.astype(np.float32)

    def dead(self) -> Mask:
        """Where tissue has died: it spreads from one place over the share `dead` of the outline, sparing the yolk."""
        inside = self.outline < 0
        if not self.embryo.dead:
            return np.zeros_like(inside)
        yolk = self.embryo.shape.yolk
        place = self.rng.normal(0, 0.06, 2)
        far = np.hypot(self.v - yolk.v - place[0], self.u - yolk.u + 0.2 - place[1])
        order = far + 0.06 * self.coarse + 0.012 * self.fine + 0.25 * (self.body > 2)
        order[~inside | (self.yolk < -0.1 * self.px)] = np.inf
        area_px = self.embryo.shape.area * self.px**2
        count = min(int(self.embryo.dead * area_px), int(np.isfinite(order).sum()) - 1)
        dead: Mask = order <= np.partition(order.ravel(), count)[count]
        return dead

    def crumbs(self) -> Field:
        """The light through dead tissue: nearly none, and grainy."""
        return np.clip(0.14 + 0.05 * self._texture(40) + 0.03 * self.fine, 0.03, 0.4).astype(np.float32)

    def _chorion(self) -> Field:
        """A grey disc that darkens towards its thin dark rim."""
        inner = 0.79 + self.shade[2] - 0.07 * _near(self.outline, 14) + 0.008 * self.coarse
        rim = 0.42 * alike(np.exp, -(((self.outline + 1.8) / 1.5) ** 2))
        return _over(np.ones_like(self.v), self.outline, inner - rim)

    def _body_light(self) -> Field:
        """The body axis: dark at its sides, a lighter notochord, somites across it and pigment along it."""
        widest = 0.13 if self.embryo.chorion else 0.19
        depth = np.clip(-self.body / (widest * self.px), 0, 1)
        somites = 0.035 * alike(np.sin, self.along * 190) * ((self.along > 0.25) & (self.along < 0.9))
        pigment = 0.2 * np.clip(self.fine - 0.9, 0, 1) * (self.along > 0.1)
        side = 0.17 * _near(self.body, 2.5)
        light: Field = 0.46 + self.shade[3] + 0.09 * depth + somites + 0.03 * self.coarse - pigment - side
        return light

    def _sample(self, field: Field) -> Field:
        at = np.stack([(self.v + HALF) / SPACING, (self.u + HALF) / SPACING]).astype(np.float32)
        # Beyond the field the distance stays that of its border: far outside.
        np.clip(at, 0, GRID - 1, out=at)
        sampled: Field = ndimage.map_coordinates(field, at, order=1)
        return sampled

    def _texture(self, cells: float) -> Field:
        """Smooth noise of unit variance that belongs to the embryo; `cells` grains to the unit."""
        tile = self.rng.standard_normal((_TILE, _TILE)).astype(np.float32)
        at = np.stack([self.v * cells, self.u * cells])
        noise: Field = ndimage.map_coordinates(tile, at, order=1, mode="grid-wrap") * np.float32(1.5)
        return noise


def _near(rim: Field, depth: float) -> Field:
    """1 at the rim of a layer, falling to 0 inside it over about `depth` px."""
    return alike(np.exp, np.minimum(rim, 0) / np.float32(depth))


def _over(below: Field, rim: Field, layer: Field) -> Field:
    """Lay a layer over what is below, where the distance `rim` (px) is negative; its edge is one pixel soft."""
    cover = np.clip(0.5 - rim, 0, 1)
    return below + cover * (layer - below)  # type: ignore[no-any-return]
