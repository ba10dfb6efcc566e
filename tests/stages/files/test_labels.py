"""Label images, checked against their frames."""

from pathlib import Path

import numpy as np
import pytest

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages.files.labels import check_shape, read_labels, read_mask

FRAME = Frame("A01", 3, "A01_t0003.png", 1, "0" * 32)


def test_a_frame_without_labels_is_named() -> None:
    labels = np.ones((2, 3), np.uint8)
    assert read_labels({3: lambda: labels}, "A01", 3, Path("out")) is labels
    with pytest.raises(ContentError, match=r"out: well A01 has no labels for frame 3\. Run sam2 again"):
        read_labels({4: lambda: labels}, "A01", 3, Path("out"))


def test_labels_of_another_shape_are_named() -> None:
    check_shape(np.ones((2, 3), np.uint8), FRAME, (2, 3), Path("out"))
    with pytest.raises(ContentError, match=r"labels of well A01, frame 3 are \(2, 3\), the frame is \(4, 4\)"):
        check_shape(np.ones((2, 3), np.uint8), FRAME, (4, 4), Path("out"))


def test_a_mask_of_another_size_than_the_networks_is_named() -> None:
    mask = np.zeros((576, 320), np.uint8)
    assert read_mask({3: lambda: mask}, "A01", 3, Path("out")) is mask
    assert read_mask({}, "A01", 3, Path("out")) is None
    with pytest.raises(ContentError, match=r"out: the mask of well A01, frame 3 is \(3, 2\), expected \(576, 320\)"):
        read_mask({3: lambda: np.zeros((3, 2), np.uint8)}, "A01", 3, Path("out"))
