"""Frames relative to their background."""

import numpy as np
import pytest

from stages.segmentation import field
from tests.stages.drawing import disc


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_larger_pixels_are_means_and_what_is_over_is_left_out(step: int) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (50, 71), np.uint8)
    reduced = field.reduce(grey, step)
    assert reduced.shape == (50 // step, 71 // step)
    last = grey[(reduced.shape[0] - 1) * step :][:step, :step]
    assert reduced[-1, 0] == pytest.approx(last.mean(), rel=1e-6)
    assert reduced[0, 1] == pytest.approx(grey[:step, step : 2 * step].mean(), rel=1e-6)


@pytest.mark.parametrize("shape", [(400, 512), (512, 400), (100, 900)])
def test_uneven_light_is_found_beside_an_embryo(shape: tuple[int, int]) -> None:
    y, x = np.mgrid[-0.5 : 0.5 : shape[0] * 1j, -0.5 : 0.5 : shape[1] * 1j]
    light = (180 * (1 + 0.2 * x - 0.1 * y - 0.3 * x * y - 0.2 * y * y)).astype(np.float32)
    grey = np.where(disc(shape, 60, 80, 50), 60, light).astype(np.float32)
    assert np.abs(field.background(grey) / light - 1).max() < 0.001
