"""Training examples: scenes drawn at random, with other seeds than any plate's, as the networks see them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.embryo import UM_PER_PX
from simulation.scene import Frame, draw, seed
from simulation.wells import Well, scene
from stages import snips
from stages.imaging.embryo_box import boxes
from stages.imaging.qc_frame import to_qc_input
from stages.latents import to_input
from stages.networks.shapes import SNIP_INPUT

CLASSES = ("embryo", "dead", "yolk", "focus", "bubble")
# As params.yaml has them: the VAEs should learn from what they will be given.
SNIPS = snips.Settings(um_per_px=7.8, blend_um=75.0, noise_mean=10.0, noise_sd=5.0)


@dataclass(frozen=True)
class Example:
    """One scene: image uint8 (576, 320), masks bool (5, 576, 320) in the order of CLASSES, snips uint8 (288, 128)."""

    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    snips: tuple[NDArray[np.uint8], ...]


def example(name: str, *, with_snips: bool = False) -> Example:
    """The example that belongs to a name: the same name, the same bytes."""
    rng = np.random.default_rng(seed("example", name))
    well = random_well(rng)
    stage_hpf = float(rng.uniform(20, 58))
    frame = draw(scene(f"example/{name}", well, 0, stage_hpf, stage_hpf))
    masks = (frame.labels > 0, frame.dead, frame.yolk, frame.focus, frame.bubble)
    image = np.rint(to_qc_input(frame.image) * 255).astype(np.uint8)
    cut = _snips(name, frame) if with_snips else ()
    return Example(image, np.stack([_to_qc_mask(mask) for mask in masks]), cut)


def random_well(rng: np.random.Generator) -> Well:
    """A well in which more is the matter than in most, so that every class is learnt."""
    embryos = int(rng.choice(3, p=(0.06, 0.79, 0.15)))
    out_of_focus = bool(rng.random() < 0.22)
    dying = not out_of_focus and rng.random() < 0.4
    bubble = rng.choice(3, p=(0.55, 0.25, 0.2)) if embryos else 0
    return Well(
        embryos=embryos,
        chorion=embryos == 2 or bool(rng.random() < 0.5),
        dead=(float(rng.uniform(0.06, 0.75)),) if dying else (),
        out_of_focus=out_of_focus,
        bubble=("", "near", "far")[bubble],
        edge=bool(rng.random() < 0.2),
    )


def _to_qc_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    laid: NDArray[np.bool_] = to_qc_input(mask.astype(np.uint8) * np.uint8(255)) >= 0.5
    return laid


def _snips(name: str, frame: Frame) -> tuple[NDArray[np.uint8], ...]:
    """The embryos of a frame as the VAEs take them."""
    scale = (UM_PER_PX, UM_PER_PX)
    cut = []
    for label, box in boxes(frame.labels).items():
        mask = frame.labels[box] == label
        snip = snips.make_snip(f"{name}_{label}", frame.image, mask, frame.yolk[box], box, scale, SNIPS)
        cut.append(np.rint(to_input(snip, SNIP_INPUT) * 255).astype(np.uint8))
    return tuple(cut)
