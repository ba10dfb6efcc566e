"""Embryos that touch are told apart at narrow necks, and nothing else is divided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation import embryo as embryos
from simulation.embryo import UM_PER_PX, Embryo
from stages.segmentation.division import divide
from stages.segmentation.threshold import Settings
from tests.stages.drawing import disc, larva

NECK = Settings().neck
LEAST_PX = Settings().least_um2 / UM_PER_PX**2


def areas(mask: np.ndarray) -> list[int]:
    """The areas of the parts, all of which lie in the mask and cover it."""
    parts = divide(mask, NECK, LEAST_PX)
    assert np.array_equal(parts > 0, mask)
    counted: list[int] = np.bincount(parts.ravel())[1:].tolist()
    return counted


@settings(max_examples=30, deadline=None)
@given(st.floats(45, 90), st.floats(0.75, 1), st.floats(0, 0.1), st.floats(0, 6.3))
def test_two_discs_that_overlap_by_a_tenth_are_divided_between_them(
    radius: float, ratio: float, overlap: float, angle: float
) -> None:
    other = max(radius * ratio, 40)
    apart = radius + other - overlap * other
    middles = (200.0, 200.0), (200 + apart * np.sin(angle), 200 + apart * np.cos(angle))
    first, second = (disc((400, 400), *middle, size) for middle, size in zip(middles, (radius, other), strict=True))
    found = areas(first | second)
    assert len(found) == 2
    assert sorted(found) == pytest.approx(sorted([int(first.sum()), int(second.sum())]), rel=0.03)


def test_a_part_smaller_than_an_embryo_stays_with_its_neighbour() -> None:
    crumb = disc((300, 300), 150, 230, 20)
    embryo = disc((300, 300), 150, 150, 62)
    assert areas(embryo | crumb) == [np.count_nonzero(embryo | crumb)]


@settings(max_examples=25, deadline=None)
@given(st.floats(2600, 4100), st.floats(0, 5), st.floats(0, 8))
def test_a_bent_larva_is_never_divided(length_um: float, bend: float, curl: float) -> None:
    assert len(areas(larva(UM_PER_PX, length_um, bend, curl))) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.floats(10, 96), st.floats(0, 6.3))
def test_a_simulated_embryo_of_any_stage_is_never_divided(
    look: int, chorion: bool, stage_hpf: float, angle: float
) -> None:
    drawn = embryos.draw(Embryo(look, 200, 256, angle, stage_hpf, chorion=chorion), (400, 512))
    assert len(areas(drawn.outline)) == 1


def test_nothing_is_nothing() -> None:
    assert areas(np.zeros((5, 5), bool)) == []
