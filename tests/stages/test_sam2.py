"""Embryos measured, and odd masks flagged."""

import numpy as np

from morphseq_manifest.cohort.params import Params
from stages import sam2
from stages.files.stacks import EmbryoTag


def test_area_jumps_compare_with_the_two_frames_before_or_after() -> None:
    assert sam2.area_jumps([100, 100, 100, 130, 100, 100], 0.2) == [False, False, False, True, False, False]
    assert sam2.area_jumps([130, 100, 100], 0.2) == [True, False, False]
    assert sam2.area_jumps([100, 150], 0.2) == [False, False]
    assert sam2.area_jumps([100, 100, 121], 0.2) == [False, False, True]


def test_odd_masks_are_flagged(params: Params) -> None:
    settings = params.block("sam2", sam2.Settings)
    labels = np.zeros((100, 100), np.uint8)
    labels[1:30, 40:60] = 1
    labels[50:55, 50:60] = 2
    labels[60:64, 10:20] = 2
    labels[95, 5] = 3
    labels[2:10, 2:10] = 4
    grey = np.where(labels > 0, np.uint8(150), np.uint8(200))
    embryos = sam2.describe(grey, labels, dict.fromkeys(range(1, 5), 0.1234567), None)
    assert embryos[0] == EmbryoTag(1, 29 * 20, (1, 40, 30, 60), 1, 0.123457, 0.75)
    assert {embryo.value: sam2.shape_flags(embryo, labels.shape, settings) for embryo in embryos} == {
        1: ["MASK_ON_EDGE"],
        2: ["DISCONTINUOUS_MASK"],
        3: ["SMALL_MASK"],
        4: [],
    }
    everything = np.ones((50, 50), np.uint8)
    (all_of_it,) = sam2.describe(everything, everything, {1: 1.0}, 6.5)
    assert sam2.shape_flags(all_of_it, (50, 50), settings) == ["MASK_ON_EDGE", "LARGE_MASK"]
    assert sam2.describe(everything, 0 * everything, {}, 6.5) == ()
