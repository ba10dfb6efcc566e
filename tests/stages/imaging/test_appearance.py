"""How bright and how sharp an embryo is, against the background round it."""

import numpy as np
import pytest
from scipy import ndimage

from stages.imaging.appearance import Appearance, appearance
from stages.imaging.embryo_box import boxes
from tests.stages.drawing import disc


def drawn(light: float = 1.0, blur: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A speckled embryo of 0.75 of the background, in a lamp of this light; and its labels."""
    mask = disc((160, 200), 80, 100, 40)
    speckles = np.random.default_rng(0).normal(0, 12, mask.shape)
    grey = ndimage.gaussian_filter(np.where(mask, 150 + speckles, 200.0), blur)
    return (grey * light).clip(0, 255).astype(np.uint8), mask.astype(np.uint8)


def look(grey: np.ndarray, labels: np.ndarray, um_per_px: float | None = 6.5) -> Appearance:
    return appearance(grey, labels, 1, boxes(labels)[1], um_per_px)


def test_brightness_is_over_the_backgrounds_whatever_the_lamp() -> None:
    assert look(*drawn()).brightness == pytest.approx(0.75, abs=0.01)
    assert look(*drawn(light=0.5)).brightness == pytest.approx(0.75, abs=0.01)
    grey, labels = drawn()
    assert look(np.where(np.arange(200) < 20, np.uint8(20), grey), labels).brightness == pytest.approx(0.75, abs=0.01)


def test_sharpness_falls_with_blur_and_not_with_light() -> None:
    sharp, dim, blurred = (look(*drawn(*how)).sharpness for how in ((1.0, 0.0), (0.5, 0.0), (1.0, 3.0)))
    assert sharp is not None
    assert dim is not None
    assert blurred is not None
    assert dim == pytest.approx(sharp, rel=0.05)
    assert blurred < sharp / 10
    assert look(*drawn(), um_per_px=None).sharpness is None


def test_a_frame_that_is_all_embryo_has_a_look_too() -> None:
    everything = np.ones((20, 30), np.uint8)
    assert look(everything * 90, everything) == (1.0, 0.0)
