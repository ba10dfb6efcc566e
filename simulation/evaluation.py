"""How often the default models' flags are those of the truth, on plates that no training has seen.

The plates have the wells of the simulated ones under other names, which seed all that is drawn. They are drawn in
memory and go through the functions of the stages sam2, qc_masks and build03, under the settings of params.yaml.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from numpy.typing import NDArray

from morphseq_manifest.base.console import Command
from morphseq_manifest.base.errors import ExitCode
from morphseq_manifest.cohort import params
from simulation.default_models import FOLDER
from simulation.embryo import UM_PER_PX
from simulation.plate import Plate
from simulation.plates import PLATES
from simulation.scene import Frame, Scene, draw, truths
from stages import qc_masks
from stages.imaging import geometry
from stages.imaging.arrays import Grey
from stages.imaging.embryo_box import boxes
from stages.imaging.geometry import QcMasks
from stages.imaging.qc_frame import to_qc_input
from stages.networks import mask_models, torch_device
from stages.networks.qc_networks import QcSettings
from stages.segmentation import segmenters

# Each flag as build03 names it, and the truth that it stands for.
FLAGS = {
    "dead_flag": "dead",
    "bubble_flag": "bubble",
    "frame_flag": "edge",
    "focus_flag": "out_of_focus",
    "no_yolk_flag": "no_yolk",
}
LEAST = 0.98

Flags = dict[str, bool]


class Judge(NamedTuple):
    """What finds and judges embryos: the segmenter, the networks in the order of QcMasks, and the settings."""

    segmenter: segmenters.Segmenter
    networks: tuple[torch.nn.Module, ...]
    threshold: float
    settings: geometry.Settings


class Outcome(NamedTuple):
    """One flag of one well: whether an embryo of it truly has the flag in a frame, and whether all are right."""

    flag: str
    concerned: bool
    right: bool


class Share(NamedTuple):
    """Of how many wells a flag is right in every frame."""

    flag: str
    concerned: bool
    right: int
    wells: int

    @property
    def enough(self) -> bool:
        """Whether it is right in LEAST of the wells, if there are any."""
        return self.right >= LEAST * self.wells


def unseen(seed: int) -> list[Plate]:
    """The simulated plates with other embryos, lamps and dust."""
    return [replace(plate, experiment=f"evaluation/{seed}/{plate.experiment}") for plate in PLATES]


def load(folder: Path) -> Judge:
    """The threshold segmenter and the networks of a data root, as params.yaml names them."""
    settings = params.read()
    qc = settings.block("qc_masks", QcSettings)
    place = folder / "segmentation/segmentation_models"
    names = (qc.models.dead, qc.models.yolk, qc.models.focus, qc.models.bubble)
    networks = tuple(mask_models.load(place / name).network for name in names)
    own = settings.block("build03", geometry.Settings)
    return Judge(segmenters.load(place / "threshold"), networks, qc.threshold, own)


def judge_well(judge: Judge, plate: Plate, well: str) -> list[Outcome]:
    """Draw a well, find and judge its embryos: an outcome for each flag, none for a well without embryos."""
    scenes = [plate.scene(well, time_int) for time_int in plate.times(well)]
    frames = [draw(scene) for scene in scenes]
    images = [frame.image for frame in frames]
    found = judge.segmenter.segment(images, UM_PER_PX)
    pairs: list[tuple[Flags, Flags]] = []
    for scene, frame, seen, masks in zip(scenes, frames, found, make_masks(judge, images), strict=True):
        pairs += paired(true_flags(scene, frame), frame.labels, given_flags(judge, seen.labels, masks), seen.labels)
    return outcomes(pairs) if pairs else []


def make_masks(judge: Judge, images: Sequence[Grey]) -> Iterator[QcMasks]:
    """The QC masks of a well's frames, uint8 (H, W), made in the stage's batches."""
    inputs = np.stack([to_qc_input(image) for image in images])
    for start in range(0, len(inputs), qc_masks.BATCH):
        batch = inputs[start : start + qc_masks.BATCH]
        made = [qc_masks.masks_of(network, batch, judge.threshold) for network in judge.networks]
        yield from (QcMasks(*masks) for masks in zip(*made, strict=True))


def given_flags(judge: Judge, labels: Grey, masks: QcMasks) -> dict[int, Flags]:
    """The flags of the embryos of a label image, uint8 (H, W), by value."""
    given = {}
    for value, box in boxes(labels).items():
        quality = geometry.judge(labels[box] == value, box, labels.shape, masks, UM_PER_PX, judge.settings)
        given[value] = {flag: bool(getattr(quality, flag)) for flag in FLAGS}
    return given


def true_flags(scene: Scene, frame: Frame) -> dict[int, Flags]:
    """The true flags of a drawn frame's embryos, by label."""
    true = {}
    for truth in truths(scene, frame):
        known = {**asdict(truth), "no_yolk": not frame.yolk[frame.labels == truth.embryo].any()}
        true[truth.embryo] = {flag: known[name] for flag, name in FLAGS.items()}
    return true


def paired(
    true: dict[int, Flags], drawn: NDArray[np.uint8], given: dict[int, Flags], found: Grey
) -> list[tuple[Flags, Flags]]:
    """The true flags of each drawn embryo, and those given to the found one that covers most of it; none if none does.

    `drawn` and `found` are label images, uint8 (H, W).
    """
    return [(flags, given.get(_covering(found[drawn == label]), {})) for label, flags in true.items()]


def _covering(labels: NDArray[np.uint8]) -> int:
    """The label that most of these pixels have, 0 if none has any."""
    counts = np.bincount(labels, minlength=1)
    counts[0] = 0
    return int(counts.argmax())


def outcomes(pairs: list[tuple[Flags, Flags]]) -> list[Outcome]:
    """A well's outcomes from the flags, true and given, of each embryo in each frame."""
    return [
        Outcome(flag, any(true[flag] for true, _ in pairs), all(given.get(flag) == true[flag] for true, given in pairs))
        for flag in FLAGS
    ]


def judge_plates(judge: Judge, plates: Iterable[Plate]) -> Iterator[list[Outcome]]:
    """The outcomes of each well of the plates, computed in one thread as the stages do."""
    with torch_device.one_thread():
        for plate in plates:
            for well in plate.wells:
                yield judge_well(judge, plate, well)


def shares(found: list[Outcome]) -> list[Share]:
    """Of how many wells each flag is right: of those that it concerns, and of the others."""
    counted = []
    for flag in FLAGS:
        for concerned in (True, False):
            right = [outcome.right for outcome in found if outcome[:2] == (flag, concerned)]
            counted.append(Share(flag, concerned, sum(right), len(right)))
    return counted


def table(counted: list[Share]) -> str:
    """The shares as an aligned table, a row a flag and kind of well."""
    rows = [("flag", "wells", "right", "of", "share")]
    for one in counted:
        share = f"{one.right / one.wells:.4f}" if one.wells else "-"
        rows.append((one.flag, "concerned" if one.concerned else "others", str(one.right), str(one.wells), share))
    return "\n".join(f"{row[0]:<12}  {row[1]:<9}  {row[2]:>5}  {row[3]:>5}  {row[4]:>6}" for row in rows)


@click.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=FOLDER)
@click.option(
    "--seeds", type=click.IntRange(min=1), default=10, show_default=True, help="How often to draw the plates."
)
@click.option("--threshold", type=click.FloatRange(0, 1), help="In place of that in params.yaml.")
def main(folder: Path, seeds: int, threshold: float | None) -> None:
    """Compare the flags that the models of FOLDER, laid out as a data root, give with the truth.

    The exit status is 1 if a flag is right in less than 98 % of the wells that it concerns, or of the others.
    """
    judge = load(folder)
    if threshold is not None:
        judge = judge._replace(threshold=threshold)
    plates = [plate for seed in range(seeds) for plate in unseen(seed)]
    wells = judge_plates(judge, plates)
    with click.progressbar(wells, length=sum(len(plate.wells) for plate in plates), file=sys.stderr) as shown:
        counted = shares([outcome for found in shown for outcome in found])
    click.echo(table(counted))
    if not all(share.enough for share in counted):
        sys.exit(ExitCode.STALE)


if __name__ == "__main__":
    main()
