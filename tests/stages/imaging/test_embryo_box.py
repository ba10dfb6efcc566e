"""Moments of an embryo, against the list of its pixels."""

import numpy as np
import pytest

from stages.imaging import embryo_box
from tests.stages.drawing import blobs


def test_moments_are_those_of_the_list_of_pixels() -> None:
    mask = blobs(5, (60, 90), 0.3)
    (box,) = embryo_box.boxes(mask.astype(np.uint8)).values()
    moments, points = embryo_box.moments(mask[box], box), np.argwhere(mask).astype(float)
    assert (moments.area, moments.row, moments.column) == pytest.approx((len(points), *points.mean(axis=0)))
    rows, columns = (points - points.mean(axis=0)).T
    sums = [(rows**power * columns**other).sum() for power, other in ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2))]
    assert moments[3:9] == pytest.approx(tuple(sums))
