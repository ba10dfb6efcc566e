"""Embryos keep their values over a well's frames."""

import numpy as np

from stages.segmentation.tracking import Tracker
from tests.stages.drawing import disc


def test_embryos_keep_their_values_when_components_change_order() -> None:
    shape = (60, 90)
    left, right = disc(shape, 30, 20, 10), disc(shape, 30, 65, 10)
    tracker = Tracker()
    first, _ = tracker.follow(left * np.uint8(1) + right * np.uint8(2))
    second, values = tracker.follow(left * np.uint8(2) + right * np.uint8(1))
    assert values == [2, 1]
    assert (first == second).all()
    third, values = tracker.follow(np.roll(right, 3, axis=0) * np.uint8(1))
    assert values == [2]
    fourth, values = tracker.follow(left * np.uint8(1) + right * np.uint8(2) + disc(shape, 8, 45, 5) * np.uint8(3))
    assert values == [1, 2, 3]
    assert tracker.follow(np.zeros(shape, np.uint8))[1] == []
    assert third.max() == 2
    assert fourth.max() == 3
