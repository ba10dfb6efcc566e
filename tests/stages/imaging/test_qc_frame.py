"""A frame as the QC networks see it, and their masks laid back on it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.imaging import qc_frame
from tests.plain.geometry import laid
from tests.stages.drawing import disc


@pytest.mark.parametrize("shape", [(400, 512), (512, 400), (576, 320)])
def test_qc_masks_lie_where_their_frames_content_is(shape: tuple[int, int]) -> None:
    inside = disc(shape, shape[0] * 0.3, shape[1] * 0.7, 60)
    seen = qc_frame.to_qc_input(np.where(inside, np.uint8(255), np.uint8(0)))
    assert seen.shape == qc_frame.QC_SIZE
    back = qc_frame.from_qc(np.where(seen > 0.5, np.uint8(255), np.uint8(0)), shape) > 0
    assert back.shape == shape
    assert (back & inside).sum() / (back | inside).sum() > 0.95


@given(st.tuples(st.integers(1, 700), st.integers(1, 700)), st.data())
@settings(max_examples=40, deadline=None)
def test_a_part_of_a_qc_mask_is_that_part_of_the_whole(shape: tuple[int, int], data: st.DataObject) -> None:
    page = np.random.default_rng(0).integers(0, 255, qc_frame.QC_SIZE, np.uint8)
    whole = qc_frame.from_qc(page, shape)
    assert (whole == laid(page, shape)).all()
    starts = [data.draw(st.integers(0, size - 1)) for size in shape]
    ends = [data.draw(st.integers(start + 1, size)) for start, size in zip(starts, shape, strict=True)]
    part = (slice(starts[0], ends[0]), slice(starts[1], ends[1]))
    assert (qc_frame.from_qc(page, shape, part) == whole[part]).all()
