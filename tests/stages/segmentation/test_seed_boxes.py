"""Which of the detector's boxes are embryos, and the size at which it sees a frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.segmentation import seed_boxes

boxes = st.lists(st.tuples(*[st.integers(1, 9)] * 2, *[st.integers(1, 5)] * 2), max_size=6)


@given(boxes, st.data())
def test_chosen_boxes_are_sure_lie_in_the_frame_and_apart(some: list[tuple[int, ...]], data: st.DataObject) -> None:
    scores = np.array([data.draw(st.integers(0, 20)) / 20 for _ in some], np.float32)
    settings = seed_boxes.Settings()
    chosen = seed_boxes.choose(scores, np.array(some, np.float32).reshape(-1, 4) / np.float32(10), (300, 400), settings)
    assert len(chosen) <= (scores > settings.box).sum()
    assert (len(chosen) > 0) == bool((scores > settings.box).any())
    assert ((chosen >= 0) & (chosen <= [400, 300, 400, 300])).all()
    assert chosen[:, 1].tolist() == sorted(chosen[:, 1].tolist())
    assert all(seed_boxes._iou(box, above) <= 0.5 for i, box in enumerate(chosen) for above in chosen[:i])


def test_of_two_boxes_on_one_embryo_the_surer_stays() -> None:
    some = np.array([[0.5, 0.7, 0.2, 0.2], [0.51, 0.7, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2]], np.float32)
    chosen = seed_boxes.choose(np.array([0.6, 0.9, 0.5], np.float32), some, (100, 200), seed_boxes.Settings())
    assert chosen.round(3).tolist() == [[20, 10, 60, 30], [82, 60, 122, 80]]


@pytest.mark.parametrize(
    ("shape", "seen"),
    [((2189, 2189), (800, 800)), ((400, 512), (800, 1024)), ((100, 900), (148, 1333))],
)
def test_frames_are_reduced_as_the_detector_was_trained(shape: tuple[int, int], seen: tuple[int, int]) -> None:
    assert seed_boxes.reduced(shape, seed_boxes.Settings()) == seen
