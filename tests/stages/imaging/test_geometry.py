"""Geometry and flags of an embryo, against their formulas and against passes over the whole frame."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from morphseq_manifest.cohort.params import Params
from stages.imaging import geometry
from stages.imaging.embryo_box import boxes
from stages.imaging.geometry import QcMasks
from stages.imaging.qc_frame import QC_SIZE
from tests.plain.geometry import judged, measured
from tests.stages.drawing import blobs, disc, whole


@pytest.fixture(scope="module")
def build03(params: Params) -> geometry.Settings:
    return params.block("build03", geometry.Settings)


def test_a_disc_is_measured_as_a_disc() -> None:
    mask = disc((200, 300), 90, 140, 40)
    shape = geometry.measure(mask, whole(mask), (5.0, 5.0))
    assert shape.area_um2 == np.count_nonzero(mask) * 25
    assert (shape.centroid_x_um, shape.centroid_y_um) == (700, 450)
    assert shape.major_axis_um == pytest.approx(400, rel=0.01)
    assert shape.minor_axis_um == pytest.approx(400, rel=0.01)
    assert shape.perimeter_um == pytest.approx(2 * np.pi * 200, rel=0.02)


def test_a_missing_scale_gives_no_um_and_no_distance_flags(build03: geometry.Settings) -> None:
    mask = disc((200, 300), 90, 140, 40)
    nothing = np.zeros(QC_SIZE, np.uint8)
    shape = geometry.measure(mask, whole(mask), (np.nan, np.nan))
    assert np.isnan([value for name, value in shape._asdict().items() if "um" in name]).all()
    assert shape.centroid_x_px == 140
    qc = QcMasks(nothing, nothing, nothing, nothing)
    quality = geometry.judge(mask, whole(mask), mask.shape, qc, np.nan, build03)
    assert np.isnan([quality.frame_flag, quality.focus_flag, quality.bubble_flag]).all()
    assert (quality.dead_flag, quality.no_yolk_flag) == (0, 1)


def test_a_missing_mask_gives_an_empty_flag(build03: geometry.Settings) -> None:
    mask = disc((200, 300), 90, 140, 40)
    quality = geometry.judge(mask, whole(mask), mask.shape, QcMasks(None, None, None, None), 8.0, build03)
    assert quality.frame_flag == 0
    assert np.isnan([*quality[:2], *quality[3:]]).all()


@given(gap=st.integers(0, 60), um_per_px=st.floats(2, 30))
def test_flags_follow_their_formulas(build03: geometry.Settings, gap: int, um_per_px: float) -> None:
    # A frame of the networks' own size, so that its masks are theirs.
    shape = QC_SIZE
    mask = disc(shape, 110, 60, 30)
    (box,) = boxes(mask.astype(np.uint8)).values()
    other = np.zeros(shape, bool)
    other[110, 90 + gap] = True
    margin = int(np.ceil(build03.margin_um / um_per_px))
    nearest = ndimage.distance_transform_edt(~mask)[other].min()
    masks = (mask & disc(shape, 110, 60, 12), other, other, other)
    qc = QcMasks(*(each.astype(np.uint8) for each in masks))
    quality = geometry.judge(mask[box], box, shape, qc, um_per_px, build03)
    assert quality.bubble_flag == quality.focus_flag == float(nearest < build03.near_margins * margin)
    assert quality.no_yolk_flag == float(gap > 1)
    shrunk = np.zeros(shape, bool)
    shrunk[margin : shape[0] - margin, margin : shape[1] - margin] = True
    assert quality.frame_flag == float((mask & shrunk).sum() / mask.sum() <= build03.min_inside)
    assert quality.fraction_alive == pytest.approx(1 - disc(shape, 110, 60, 12).sum() / mask.sum())
    assert quality.dead_flag == 1


masks = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([(60, 90), (90, 60), (64, 64)]))


@settings(max_examples=60, deadline=None)
@given(drawn=masks, um_per_px=st.floats(5, 60), flattened=st.floats(0.5, 2))
def test_geometry_and_flags_are_those_of_passes_over_the_whole_frame(
    build03: geometry.Settings, drawn: tuple[int, tuple[int, int]], um_per_px: float, flattened: float
) -> None:
    seed, shape = drawn
    labels = blobs(seed, shape, 0.2).astype(np.uint8)
    labels[blobs(seed + 1, shape, 0.15) & (labels == 0)] = 2
    pages = [blobs(seed + number, QC_SIZE, 0.02) * np.uint8(255) for number in range(2, 6)]
    qc, scale = QcMasks(*pages), (um_per_px * flattened, um_per_px / flattened)
    for embryo, box in boxes(labels).items():
        mask = labels[box] == embryo
        shape_found, expected = geometry.measure(mask, box, scale), measured(labels, embryo, scale)
        assert tuple(shape_found) == pytest.approx(tuple(expected), rel=1e-6, abs=1e-6)
        quality = geometry.judge(mask, box, shape, qc, um_per_px, build03)
        assert tuple(quality) == pytest.approx(tuple(judged(labels, embryo, qc, um_per_px, build03)), rel=1e-6)


def test_a_large_round_outline_is_a_chorion(build03: geometry.Settings) -> None:
    egg, small = disc((200, 300), 90, 140, 65), disc((200, 300), 90, 140, 40)
    larva = np.zeros((200, 300), bool)
    larva[80:110, 40:260] = True

    def told(mask: np.ndarray, um_per_px: float = 9.5) -> float:
        shape = geometry.measure(mask, whole(mask), (um_per_px, um_per_px))
        return geometry.in_chorion(shape.area_um2, shape.perimeter_um, build03.chorion)

    assert [told(mask) for mask in (egg, small, larva)] == [1, 0, 0]
    assert np.isnan(told(egg, np.nan))


@pytest.mark.parametrize(("gap", "touches"), [(0, True), (1, False)])
def test_embryos_touch_if_pixels_of_theirs_are_neighbours(gap: int, touches: bool) -> None:
    labels = np.zeros((40, 60), np.uint8)
    labels[10:20, 10:20], labels[20 + gap : 30, 20 + gap : 30] = 1, 2
    for value, box in boxes(labels).items():
        assert geometry.touches_another(labels, value, box) == touches
