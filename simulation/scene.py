"""A frame and its truth, drawn from a description of what is in the well."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import xxhash
from numpy.typing import NDArray
from scipy import ndimage

from simulation import embryo as embryos
from simulation import optics
from simulation.anatomy import Field
from simulation.embryo import UM_PER_PX, Embryo, Mask
from simulation.optics import Bubble

SHAPE = (400, 512)
QC_PX = int(np.ceil(150 / UM_PER_PX))


@dataclass(frozen=True)
class Scene:
    """What one frame shows. `well` seeds what stays over time (light, debris), `moment` the sensor's noise."""

    well: int
    moment: int
    embryos: tuple[Embryo, ...] = ()
    bubbles: tuple[Bubble, ...] = ()


@dataclass(frozen=True)
class Frame:
    """A drawn frame with its truth; every array is (H, W) = SHAPE. `labels` has the embryos as 1..n, in order."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    dead: Mask
    yolk: Mask
    focus: Mask
    bubble: Mask


def seed(*names: object) -> int:
    """A seed that depends on names alone, so that nothing else drawn changes what they give."""
    return xxhash.xxh3_64_intdigest("/".join(str(name) for name in names).encode())


def draw(scene: Scene) -> Frame:
    """Draw one frame. The same scene gives the same bytes."""
    light = _empty_well(scene.well).copy()
    labels = np.zeros(SHAPE, np.uint8)
    dead, yolk, focus, bubble = (np.zeros(SHAPE, bool) for _ in range(4))
    for number, embryo in enumerate(scene.embryos, start=1):
        parts = embryos.draw(embryo, SHAPE)
        light[parts.window] *= parts.light
        labels[parts.window][parts.outline] = number
        dead[parts.window] |= parts.dead
        yolk[parts.window] |= parts.yolk
        focus[parts.window] |= parts.unfocused
    for drop in scene.bubbles:
        through, where = optics.bubble(drop, SHAPE)
        light *= through
        bubble |= where
    image = optics.sensor(np.random.default_rng(scene.moment), light)
    return Frame(image, labels, dead, yolk, focus, bubble)


@lru_cache(maxsize=4)
def _empty_well(well: int) -> Field:
    """The light of a well with nothing in it but debris; it stays the same over a well's frames."""
    rng = np.random.default_rng(well)
    return optics.lamp(rng, SHAPE) * optics.debris(rng, SHAPE)


@dataclass(frozen=True)
class Truth:
    """What is true of one embryo in one frame, by the pipeline's definitions, from the drawn masks."""

    embryo: int
    area_px: int
    area_um2: float
    stage_hpf: float
    fraction_dead: float
    dead: bool
    out_of_focus: bool
    bubble: bool
    edge: bool


def truths(scene: Scene, frame: Frame) -> list[Truth]:
    """The truth of every embryo of a frame, in label order; one that lies wholly outside is left out."""
    found = []
    for number, embryo in enumerate(scene.embryos, start=1):
        mask = frame.labels == number
        area = int(mask.sum())
        if not area:
            continue
        fraction_dead = float((mask & frame.dead).sum()) / area
        near = ndimage.distance_transform_edt(~mask) < 2 * QC_PX
        inner = int(mask[QC_PX:-QC_PX, QC_PX:-QC_PX].sum())
        found.append(
            Truth(
                embryo=number,
                area_px=area,
                area_um2=area * UM_PER_PX**2,
                stage_hpf=embryo.stage_hpf,
                fraction_dead=fraction_dead,
                dead=1 - fraction_dead < 0.9,
                out_of_focus=bool((near & frame.focus).any()),
                bubble=bool((near & frame.bubble).any()),
                edge=inner <= 0.98 * area,
            )
        )
    return found
