"""Snips, against rescaling, rotating and cropping the whole frame; their noise; their files."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats

from morphseq_manifest.cohort.params import Params
from simulation.scene import draw
from simulation.wells import Well, scene
from stages import snips
from stages.imaging.alignment import find_pose
from stages.imaging.embryo_box import boxes
from stages.imaging.snip_settings import SnipSettings
from tests.plain.cutting import snip as plain_snip
from tests.stages.drawing import ellipse, whole

# Larger than a snip: beyond the frame, the plain way continues the edge of the rotated frame.
SIDE = 1600


@pytest.fixture(scope="module")
def settings(params: Params) -> SnipSettings:
    return params.block("snips", SnipSettings)


def enlarged(image: np.ndarray, *, smooth: bool = False) -> np.ndarray:
    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), how))


def frame(name: str, well: Well, stage_hpf: float = 40.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A simulated frame of 1600 x 1600 px, its labels, and its yolks."""
    drawn = draw(scene(name, well, 0, stage_hpf, stage_hpf))
    return enlarged(drawn.image, smooth=True), enlarged(drawn.labels), enlarged(drawn.yolk.astype(np.uint8)) > 0


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_snips_are_those_of_rescaling_rotating_and_cropping_within_2_grey_levels(
    settings: SnipSettings, name: str
) -> None:
    grey, labels, yolk = frame(name, Well(chorion=name == "two"))
    # About 3.23 um/px, so that rescaling gives a whole number of pixels, which the plain way rounds to.
    scale = (settings.um_per_px * 662 / SIDE, settings.um_per_px * 662 / SIDE)
    # Detail that a snip's pixels can hold: what is finer is aliased by both ways, each in its own.
    grey = np.rint(ndimage.gaussian_filter(grey.astype(float), 3)).astype(np.uint8)
    for embryo, box in boxes(labels).items():
        mask = labels == embryo
        pose = find_pose(mask[box], yolk[box], scale, box)
        snip = snips.make_snip(name, grey, mask[box], pose, box, scale, settings)
        expected = plain_snip(name, grey, mask, yolk, scale, settings)
        apart = np.abs(snip.astype(int) - expected)
        assert (apart <= 2).mean() >= 0.999, (np.quantile(apart, 0.999), apart.max())


def test_snips_repeat_to_the_byte_and_their_background_is_noise(settings: SnipSettings) -> None:
    mask, yolk = ellipse((400, 512), 0.7)
    grey = np.where(mask, np.uint8(90), np.uint8(180))
    grey[yolk & mask] = 40

    def cut(name: str) -> np.ndarray:
        pose = find_pose(mask, yolk, (8.0, 8.0), whole(mask))
        return snips.make_snip(name, grey, mask, pose, whole(mask), (8.0, 8.0), settings)

    first = cut("a")
    assert first.shape == (576, 256)
    assert (cut("a") == first).all()
    corner = np.s_[:80, :60]
    assert (cut("b")[corner] != first[corner]).mean() > 0.5
    mean, sd = settings.noise_mean, settings.noise_sd
    noise = stats.truncnorm(-mean / sd, np.inf, mean, sd)
    assert first[corner].mean() == pytest.approx(noise.mean(), abs=0.5)
    assert first[corner].std() == pytest.approx(noise.std(), abs=0.5)


def test_a_snip_stacks_well_stands_in_its_name() -> None:
    assert [snips.well_of(name) for name in ("a_b_A01_e01.tif", "notes.txt", "a.tif")] == ["A01", "", ""]
