"""How an embryo lies in its frame, and its image upright at a fixed scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.imaging import alignment
from stages.imaging.embryo_box import boxes
from tests.stages.drawing import blobs, disc, ellipse, whole


def placed(mask: np.ndarray, yolk: np.ndarray, scale: tuple[float, float]) -> alignment.Sampling:
    return alignment.sampling(alignment.find_pose(mask, yolk, scale, whole(mask)), scale, 8.0)


def upright(mask: np.ndarray, where: alignment.Sampling) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns of a mask's pixels in the snip."""
    rows, columns = np.nonzero(alignment.warp(mask * np.uint8(255), where) > 127)
    return rows, columns


@given(st.floats(0, 2 * np.pi))
def test_an_embryo_stands_upright_with_its_yolk_up(angle: float) -> None:
    mask, yolk = ellipse((400, 512), angle)
    where = placed(mask, yolk, (8.0, 8.0))
    rows, columns = upright(mask, where)
    assert abs(rows.mean() - 287.5) < 1
    assert abs(columns.mean() - 127.5) < 1
    assert np.ptp(rows) == pytest.approx(240, abs=4)
    assert np.ptp(columns) == pytest.approx(80, abs=4)
    assert upright(yolk & mask, where)[0].mean() < 287.5 - 50


@given(st.floats(0, 2 * np.pi))
def test_without_a_yolk_the_wide_end_is_up(angle: float) -> None:
    mask, yolk = ellipse((400, 512), angle)
    mask |= yolk | np.roll(yolk, (3, 3), (0, 1)) | np.roll(yolk, (-3, -3), (0, 1))
    row, column = np.argwhere(yolk).mean(axis=0)
    head = disc((400, 512), row, column, 45)
    where = placed(mask | head, np.zeros(mask.shape, bool), (8.0, 8.0))
    assert upright(yolk, where)[0].mean() < 287.5


def test_a_snip_is_not_mirrored() -> None:
    mask, yolk = ellipse((400, 512), np.pi)
    image = np.full(mask.shape, 100, np.uint8)
    image[:, 256:] = 200
    assert alignment.warp(image, placed(mask, yolk, (8.0, 8.0)))[288, [100, 156]].tolist() == [100, 200]


def test_scales_that_differ_across_and_down_are_made_equal() -> None:
    mask = disc((400, 400), 200, 200, 90)[::2]
    rows, columns = upright(mask, placed(mask, mask & False, (4.0, 8.0)))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=2)


def test_beyond_the_frame_a_snip_continues_its_edge() -> None:
    mask = disc((300, 200), 10, 10, 8)
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None], 300, axis=0)
    where = alignment.sampling(alignment.Pose((10.0, 10.0), (-1.0, 0.0)), (8.0, 8.0), 8.0)
    snip = alignment.warp(ramp, where)
    assert not np.isnan(snip).any()
    assert np.allclose(snip[:, :118], 0)
    assert np.allclose(snip[300, 118:], np.arange(0.5, 138.5))
    assert mask.any()


def test_the_direction_of_an_embryo_is_a_unit_vector() -> None:
    mask = blobs(5, (60, 90), 0.3)
    (box,) = boxes(mask.astype(np.uint8)).values()
    pose = alignment.find_pose(mask[box], np.zeros_like(mask)[box], (3.0, 3.0), box)
    assert np.hypot(*pose.up) == pytest.approx(1)


@pytest.mark.parametrize(("up", "degrees"), [((-1, 0), 0), ((0, 1), 90), ((0, -1), -90), ((1, 0), 180)])
def test_the_angle_is_clockwise_from_the_frames_top(up: tuple[float, float], degrees: float) -> None:
    assert alignment.angle(alignment.Pose((0, 0), up)) == pytest.approx(degrees)


@pytest.mark.parametrize(("um_per_px", "share"), [(8.0, 1.0), (2.0, 0.6)])
def test_the_share_inside_a_snip_is_that_of_the_pixels_it_shows(um_per_px: float, share: float) -> None:
    mask, yolk = ellipse((400, 512), 0.3)
    pose = alignment.find_pose(mask, yolk, (8.0, 8.0), whole(mask))
    where = alignment.sampling(pose, (8.0, 8.0), um_per_px)
    inside = alignment.inside(mask, whole(mask), where)
    shown = np.count_nonzero(alignment.warp(mask * np.uint8(255), where) > 127) * (um_per_px / 8) ** 2
    assert inside == pytest.approx(shown / np.count_nonzero(mask), abs=0.02)
    assert inside >= share - 0.2
