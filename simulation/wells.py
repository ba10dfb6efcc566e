"""What is in a well, in words, and where that puts its embryos and bubbles in each frame."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from simulation.embryo import Embryo
from simulation.optics import Bubble
from simulation.scene import QC_PX, SHAPE, Scene, seed

_MARGIN_PX = 30.0
_APART_PX = 24.0
_DRIFT_PX = 3.0
# Embryos are placed at the size that they reach this much later, so that a well's frames all fit.
_GROWTH_H = 12.0
_TRIES = 400
_NEAR_GAP_PX = (12.0, 16.0)
_FAR_GAP_PX = 84.0
_BUBBLE_RADIUS_PX = (16.0, 26.0)


@dataclass(frozen=True)
class Well:
    """What is special about one well; nothing, by default.

    `dead` is the share of the embryo that is dead, frame by frame, the last one going on. A bubble is either near
    the first embryo (60 to 150 um) or far from all (over 600 um). An embryo at the edge reaches out of the frame
    or nearly so. `temperature` is what the plate's table says, None for a blank.
    """

    embryos: int = 1
    chorion: bool = True
    dead: tuple[float, ...] = ()
    out_of_focus: bool = False
    bubble: Literal["", "near", "far"] = ""
    edge: bool = False
    missing: tuple[int, ...] = ()
    temperature: float | None = 28.5


def scene(name: str, well: Well, time_int: int, stage_hpf: float, start_hpf: float) -> Scene:
    """The scene of one frame of the well called `name`, whose plate begins at `start_hpf`.

    It depends on these alone: drawing other wells or more frames changes nothing.
    """
    rng = np.random.default_rng(seed(name, "place"))
    placed = _place(rng, name, well, start_hpf + _GROWTH_H)
    drops = _Drops(rng, well, placed)
    dead = well.dead[min(time_int, len(well.dead) - 1)] if well.dead else 0.0
    embryos = []
    for number, embryo in enumerate(placed):
        phase = np.random.default_rng(seed(name, "drift", number)).uniform(0, 2 * np.pi, 2)
        dy, dx = _DRIFT_PX * np.sin(0.4 * time_int + phase)
        blur = rng.uniform(4, 6) if well.out_of_focus else 0.0
        y, x = embryo.y + float(dy), embryo.x + float(dx)
        embryos.append(replace(embryo, y=y, x=x, stage_hpf=stage_hpf, dead=dead, blur_px=blur))
    return Scene(seed(name, "well"), seed(name, time_int), tuple(embryos), drops.at(embryos))


def _place(rng: np.random.Generator, name: str, well: Well, stage_hpf: float) -> list[Embryo]:
    """Put a well's embryos where they fit, apart from each other; the first one at the edge where it should be."""
    placed: list[Embryo] = []
    for number in range(well.embryos):
        base = Embryo(
            look=seed(name, "look", number),
            y=0.0,
            x=0.0,
            angle=0.0,
            stage_hpf=stage_hpf,
            size=rng.uniform(0.955, 1.045),
            chorion=well.chorion,
        )
        at_edge = well.edge and number == 0
        for _ in range(_TRIES):
            angle = rng.uniform(0, 2 * np.pi)
            found = (_at_edge if at_edge else _inside)(rng, replace(base, angle=angle))
            if found and all(_gap(found.points(), other.points()) > _APART_PX for other in placed):
                placed.append(found)
                break
        else:
            raise ValueError(f"{name}: {well.embryos} embryos of {stage_hpf} hpf do not fit in a frame")
    return placed


def _inside(rng: np.random.Generator, embryo: Embryo) -> Embryo | None:
    """The embryo anywhere well within the frame, or None if it is too large as it lies."""
    points = embryo.points()
    low = _MARGIN_PX - points.min(axis=0)
    high = np.array(SHAPE) - 1 - _MARGIN_PX - points.max(axis=0)
    if (low >= high).any():
        return None
    y, x = rng.uniform(low, high)
    return replace(embryo, y=float(y), x=float(x))


def _at_edge(rng: np.random.Generator, embryo: Embryo) -> Embryo | None:
    """The embryo pushed over one side, until a share of 0.68 to 0.86 is left within the frame shrunk by QC_PX."""
    found = _inside(rng, embryo)
    if found is None:
        return None
    left = rng.uniform(0.68, 0.86)
    step = np.array([(0.0, 1.0), (0.0, -1.0), (1.0, 0.0), (-1.0, 0.0)][rng.integers(4)])
    points = found.points()
    for pushed in range(max(SHAPE)):
        moved = points + step * pushed
        inner = (moved > QC_PX).all(axis=1) & (moved < np.array(SHAPE) - 1 - QC_PX).all(axis=1)
        if inner.mean() <= left:
            return replace(found, y=found.y + float(step[0]) * pushed, x=found.x + float(step[1]) * pushed)
    return None


def _gap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(cdist(one, other).min())


class _Drops:
    """A well's bubble: near the first embryo, following it in one direction, or staying far from all of them."""

    def __init__(self, rng: np.random.Generator, well: Well, placed: list[Embryo]) -> None:
        self._radius = float(rng.uniform(*_BUBBLE_RADIUS_PX))
        self._gap = float(rng.uniform(*_NEAR_GAP_PX))
        self._angle: float | None = None
        self._fixed: tuple[Bubble, ...] = ()
        if well.bubble == "near":
            self._angle = self._direction(rng, placed)
        elif well.bubble == "far":
            self._fixed = self._far(rng, placed)

    def at(self, embryos: list[Embryo]) -> tuple[Bubble, ...]:
        """The bubbles of a frame with these embryos."""
        return self._fixed if self._angle is None else (self._beside(embryos[0], self._angle),)

    def _direction(self, rng: np.random.Generator, placed: list[Embryo]) -> float:
        """The direction from the first embryo in which there is most room, give or take."""
        rooms = []
        angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, 16, endpoint=False)
        for angle in angles:
            drop = self._beside(placed[0], float(angle))
            rooms.append(min(drop.y, drop.x, SHAPE[0] - drop.y, SHAPE[1] - drop.x, 2 * drop.radius))
        return float(angles[int(np.argmax(rooms))])

    def _beside(self, embryo: Embryo, angle: float) -> Bubble:
        """The bubble at its gap from the embryo's outline, seen from the embryo's centre at `angle`."""
        points = embryo.points()
        apart = np.arange(0, 400.0)
        line = np.stack([embryo.y + apart * np.sin(angle), embryo.x + apart * np.cos(angle)], axis=1)
        clear = cdist(line, points).min(axis=1) >= self._radius + self._gap
        y, x = line[int(np.argmax(clear))]
        return Bubble(float(y), float(x), self._radius)

    def _far(self, rng: np.random.Generator, placed: list[Embryo]) -> tuple[Bubble, ...]:
        """A bubble somewhere in the frame, far from every embryo; none if there is no such place."""
        for _ in range(_TRIES):
            y, x = rng.uniform(self._radius, np.array(SHAPE) - self._radius)
            at = np.array([[y, x]])
            if all(_gap(at, embryo.points()) > self._radius + _FAR_GAP_PX for embryo in placed):
                return (Bubble(float(y), float(x), self._radius),)
        return ()
