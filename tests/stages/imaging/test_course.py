"""Whether an embryo has darkened, from its frames one after the other."""

import numpy as np
import pytest

from stages.imaging import course


def test_darkening_is_against_the_brightest_frame_within_the_window() -> None:
    hours, bright = np.array([0, 1, 2, 4, 9.0]), np.array([1.0, 0.8, 0.5, 0.4, 0.1])
    lost = course.darkening(hours, bright, 2)
    assert np.isnan(lost[[0, 4]]).all()
    assert lost[1:4].tolist() == pytest.approx([0.2, 0.5, 0.2])
    assert np.isnan(course.darkening(np.full(3, np.nan), bright[:3], 2)).all()
    assert course.darkening(hours[:3], np.array([np.nan, 1, 0.5]), 2)[2] == 0.5


@pytest.mark.parametrize(
    ("bright", "flags"),
    [
        ([1, 1, 0.5, 0.5, 0.5], [0, 1, 1, 1]),  # dies, and stays dark when nothing darkens any more
        ([1, 1, 0.5, 0.9, 0.9], [0, 1, 0, 0]),  # a shadow
        ([1, 0.9, 0.85, 0.8, 0.75], [0, 0, 0, 0]),  # grows darker by and by
    ],
)
def test_an_embryo_is_dark_until_it_gets_half_of_what_it_lost_back(bright: list[float], flags: list[float]) -> None:
    hours, levels = np.arange(5) * 1.0, np.array(bright)
    lost = course.darkening(hours, levels, 1)
    found = course.darkened(lost, levels, 0.25)
    assert np.isnan(found[0])
    assert found[1:].tolist() == flags
