"""Embryos keep their values over a well's frames."""

import numpy as np

from stages.segmentation.tracking import Tracker
from tests.stages.drawing import disc


def test_embryos_keep_their_values_when_components_change_order() -> None:
    shape = (60, 90)
    left, right, small = (disc(shape, *place).astype(np.uint8) for place in ((30, 20, 10), (30, 65, 10), (8, 45, 5)))
    tracker = Tracker()
    first, _ = tracker.follow(left + right * np.uint8(2))
    second, values = tracker.follow(left * np.uint8(2) + right)
    assert values == [2, 1]
    assert (first == second).all()
    third, values = tracker.follow(np.roll(right, 3, axis=0))
    assert values == [2]
    fourth, values = tracker.follow(left + right * np.uint8(2) + small * np.uint8(3))
    assert values == [1, 2, 3]
    assert tracker.follow(np.zeros(shape, np.uint8))[1] == []
    assert third.max() == 2
    assert fourth.max() == 3
