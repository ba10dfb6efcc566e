"""Training examples: scenes drawn at random, with other seeds than any plate's, as the networks see them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.embryo import UM_PER_PX
from simulation.scene import Frame, draw, seed
from simulation.wells import Well, scene
from stages import snips
from stages.imaging.alignment import find_pose
from stages.imaging.embryo_box import boxes
from stages.imaging.qc_frame import to_qc_input
from stages.imaging.snip_settings import SnipSettings
from stages.latents import to_input
from stages.networks.shapes import SNIP_INPUT

CLASSES = ("embryo", "dead", "yolk", "focus", "bubble")
# The networks' logits are at a quarter of the resolution before they are enlarged.
COARSE = 4


@dataclass(frozen=True)
class Example:
    """One scene: image uint8 (576, 320), the classes' coverage, snips uint8 (288, 128).

    Coverage, uint8 (5, 144, 80) in the order of CLASSES, is how many pixels of each coarse one a class covers.
    """

    image: NDArray[np.uint8]
    coverage: NDArray[np.uint8]
    snips: tuple[NDArray[np.uint8], ...]


def example(name: str, cut: SnipSettings | None = None) -> Example:
    """The example that belongs to a name: the same name, the same bytes. Without settings it has no snips."""
    rng = np.random.default_rng(seed("example", name))
    well = random_well(rng)
    stage_hpf = float(rng.uniform(20, 58))
    frame = draw(scene(f"example/{name}", well, 0, stage_hpf, stage_hpf))
    masks = (frame.labels > 0, frame.dead, frame.yolk, frame.focus, frame.bubble)
    image = np.rint(to_qc_input(frame.image) * 255).astype(np.uint8)
    return Example(image, np.stack([_coverage(mask) for mask in masks]), _snips(name, frame, cut) if cut else ())


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


def _coverage(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """How many pixels of each coarse one a mask, bool (H, W), covers as the networks see it: uint8 (144, 80)."""
    laid = to_qc_input(mask.astype(np.uint8) * np.uint8(255)) >= 0.5
    cells = laid.reshape(laid.shape[0] // COARSE, COARSE, laid.shape[1] // COARSE, COARSE)
    counts: NDArray[np.uint8] = cells.sum(axis=(1, 3), dtype=np.uint8)
    return counts


def _snips(name: str, frame: Frame, settings: SnipSettings) -> tuple[NDArray[np.uint8], ...]:
    """The embryos of a frame as the VAEs take them."""
    scale = (UM_PER_PX, UM_PER_PX)
    cut = []
    for label, box in boxes(frame.labels).items():
        mask = frame.labels[box] == label
        pose = find_pose(mask, frame.yolk[box], scale, box)
        snip = snips.make_snip(f"{name}_{label}", frame.image, mask, pose, box, scale, settings)
        cut.append(to_input(snip, SNIP_INPUT))
    return tuple(cut)
