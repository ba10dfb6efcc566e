"""The threshold segmenter: at any scale it finds the embryos, each of its area, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.segmentation import scale, threshold
from stages.segmentation.threshold import Settings
from tests.stages.drawing import disc, larva, oval, photographed

SETTINGS = Settings()
SCALES = st.floats(3.2, 10)
LAB_PX, LAB_UM = 2189, 7080.86


def found(grey: np.ndarray, um_per_px: float) -> list[int]:
    """The areas of the embryos found, in px; labels and confidences must agree."""
    components = threshold.foreground(grey, um_per_px, SETTINGS)
    assert components.labels.shape == grey.shape
    areas = np.bincount(components.labels.ravel())[1:].tolist()
    assert all(areas)
    assert len(areas) == len(components.confidence)
    assert all(0.5 <= value <= 1 for value in components.confidence)
    return areas


def lab_frame(um2: float) -> tuple[np.ndarray, int]:
    """A lab's frame with a bare embryo of this area; and its area in px."""
    radius = np.sqrt(um2 / np.pi / 1.1) * LAB_PX / LAB_UM
    embryo = oval((LAB_PX, LAB_PX), (1100, 1000), (radius, 1.1 * radius), 0)
    return photographed(np.where(embryo, 0.42, 1.0)), int(embryo.sum())


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (16, 16), (17, 40)])
@pytest.mark.parametrize("um_per_px", [0.001, 3.2, 300])
def test_a_tiny_frame_is_segmented_without_an_error(shape: tuple[int, int], um_per_px: float) -> None:
    assert found(np.full(shape, 180, np.uint8), um_per_px) == []


@pytest.mark.parametrize("um2", [470e3, 700e3, 950e3, 1212e3])
def test_an_embryo_of_any_age_is_found_in_a_labs_frame(um2: float) -> None:
    grey, area = lab_frame(um2)
    assert found(grey, LAB_UM / LAB_PX) == [pytest.approx(area, rel=0.005)]


def test_without_a_scale_an_embryo_of_a_usual_share_of_the_frame_is_found() -> None:
    grey, area = lab_frame(470e3)
    assert found(grey, scale.um_per_px(grey.shape, None)) == [pytest.approx(area, rel=0.005)]
    assert scale.um_per_px((400, 600), None) == scale.ASSUMED_UM / 400
    assert scale.um_per_px((400, 600), 3.2) == 3.2


@settings(max_examples=25, deadline=None)
@given(SCALES, st.floats(0.3, 0.8), st.floats(0, 20), st.floats(370, 600), st.floats(1, 1.8), st.floats(0, 3.1))
def test_no_area_is_off_by_more_than_2_percent(
    um_per_px: float, contrast: float, blur_um: float, radius_um: float, aspect: float, angle: float
) -> None:
    side = int(2400 / um_per_px)
    radii = radius_um * np.sqrt(aspect) / um_per_px, radius_um / np.sqrt(aspect) / um_per_px
    embryo = oval((side, int(1.2 * side)), (side / 2 + 3.3, 0.6 * side), radii, angle)
    grey = photographed(np.where(embryo, contrast, 1.0), blur_um / um_per_px, slope=0.3)
    assert found(grey, um_per_px) == [pytest.approx(embryo.sum(), rel=0.02)]


@settings(max_examples=12, deadline=None)
@given(SCALES, st.floats(0.3, 0.8), st.floats(0, 20), st.floats(2600, 4100), st.floats(0, 4), st.floats(0, 6))
def test_a_bent_larva_with_a_curled_tail_is_one_of_its_area(
    um_per_px: float, contrast: float, blur_um: float, length_um: float, bend: float, curl: float
) -> None:
    embryo = larva(um_per_px, length_um, bend, curl)
    grey = photographed(np.where(embryo, contrast, 1.0), blur_um / um_per_px)
    assert found(grey, um_per_px) == [pytest.approx(embryo.sum(), rel=0.02)]


def chorions(shape: tuple[int, int], middles: list[tuple[float, float]], radius: float, um_per_px: float) -> np.ndarray:
    """Light through embryos of half the radius in chorions with a thin dark rim."""
    light = np.ones(shape)
    for row, column in middles:
        light[disc(shape, row, column, radius)] = 0.75
        light[disc(shape, row, column, radius) & ~disc(shape, row, column, radius - 32 / um_per_px)] = 0.55
        light[disc(shape, row, column, radius / 2)] = 0.4
    return light


@pytest.mark.parametrize("overlap_um", [-96, -48, -16, 0, 16, 48])
def test_two_chorions_that_touch_are_two(overlap_um: float) -> None:
    apart = 120 - overlap_um / 8
    grey = photographed(chorions((400, 512), [(200, 190), (200, 190 + apart)], 60, 8))
    areas = found(grey, 8)
    assert len(areas) == 2
    assert max(areas) < 1.05 * min(areas)


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 10), st.floats(4, 20), st.floats(380, 650), st.booleans(), st.floats(0, 0.1), st.booleans())
def test_chains_and_clusters_are_counted_and_the_gaps_in_them_are_none_of_them(
    count: int, um_per_px: float, radius_um: float, is_chain: bool, overlap: float, is_bare: bool
) -> None:
    radius, apart = radius_um / um_per_px, (2 - overlap) * radius_um / um_per_px
    places = [(0, column) for column in range(count)] if is_chain else [divmod(number, 3) for number in range(count)]
    # In rows that lie between each other's, three embryos enclose a gap.
    middles = [
        (2 * radius + row * apart * np.sqrt(0.75), 2 * radius + (column + row % 2 / 2) * apart)
        for row, column in places
    ]
    shape = int(max(row for row, _ in middles) + 2.4 * radius), int(max(column for _, column in middles) + 2 * radius)
    embryos = np.any([disc(shape, *middle, radius) for middle in middles], axis=0)
    light = np.where(embryos, 0.5, 1) if is_bare else chorions(shape, middles, radius, um_per_px)
    areas = found(photographed(light, 4 / um_per_px, slope=0.1), um_per_px)
    assert len(areas) == count
    assert sum(areas) == pytest.approx(embryos.sum(), rel=0.02)


def test_an_embryo_cut_by_the_frame_keeps_what_is_in_sight() -> None:
    shape = (300, 400)
    light = chorions(shape, [(280, 200)], 70, 8)
    assert found(photographed(light), 8) == [pytest.approx((light < 1).sum(), rel=0.02)]


def test_bubbles_fibres_and_crumbs_are_no_embryos() -> None:
    shape, light = (400, 512), np.ones((400, 512))
    light[disc(shape, 100, 100, 40) & ~disc(shape, 100, 100, 34)] = 0.2
    light[:, 300:305] = 0.4
    light[disc(shape, 300, 400, 25)] = 0.3
    assert found(photographed(light), 8) == []


def test_a_fibre_over_an_embryo_and_the_loop_that_it_makes_are_none_of_it() -> None:
    shape = (400, 512)
    embryo = disc(shape, 200, 256, 60)
    loop = disc(shape, 130, 256, 40) & ~disc(shape, 130, 256, 37)
    assert found(photographed(np.where(embryo, 0.6, np.where(loop, 0.4, 1.0))), 8) == [
        pytest.approx(embryo.sum(), rel=0.02)
    ]


def test_what_is_more_than_labels_tell_apart_is_counted() -> None:
    grey = np.full((400, 400), 200, np.uint8)
    for number in range(300):
        row, column = divmod(number, 20)
        grey[row * 20 + 5 : row * 20 + 15, column * 20 + 5 : column * 20 + 15] = 50
    assert len(threshold.foreground(grey, 60, SETTINGS).confidence) == 300


def test_the_same_frame_gives_the_same_labels() -> None:
    grey, _ = lab_frame(700e3)
    first, second = (threshold.foreground(grey, 3.2, SETTINGS) for _ in range(2))
    assert np.array_equal(first.labels, second.labels)
    assert first.confidence == second.confidence
