"""Holes and thin parts of masks."""

import numpy as np

from stages.segmentation import filling
from tests.stages.drawing import disc

SHAPE = (100, 120)


def test_a_dark_hole_is_filled_and_a_bright_one_is_a_gap() -> None:
    ring = disc(SHAPE, 50, 60, 30) & ~disc(SHAPE, 50, 60, 20)
    for brightness, is_filled in ((0.94, True), (0.96, False)):
        ratio = np.full(SHAPE, brightness, np.float32)
        assert filling.fill_dark(ring, ratio, 0.95)[50, 60] == is_filled
    assert np.array_equal(filling.fill(ring), disc(SHAPE, 50, 60, 30))


def test_a_hole_that_the_edge_of_the_frame_cuts_open_is_filled() -> None:
    for middle in ((0, 60), (99, 60), (50, 0), (50, 119)):
        whole = disc(SHAPE, *middle, 30)
        assert np.array_equal(filling.fill(whole & ~disc(SHAPE, *middle, 20)), whole)


def test_what_is_thin_goes_and_a_corner_at_the_edge_of_the_frame_stays() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[70:, :40] = True
    mask[20:23] = True
    assert np.count_nonzero(filling.open_by(mask, 4)[:60]) == 0
    assert filling.open_by(mask, 4)[99, :40].all()
    assert filling.open_by(mask, 4)[70:, 0].all()
