"""The threshold segmenter on odd frames."""

import numpy as np
import pytest

from stages.segmentation import threshold


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (16, 16), (17, 40)])
def test_a_tiny_frame_is_segmented_without_an_error(shape: tuple[int, int]) -> None:
    components = threshold.foreground(np.full(shape, 180, np.uint8), threshold.Settings())
    assert components.labels.shape == shape
    assert not components.labels.any()
