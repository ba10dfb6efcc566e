"""Embryos measured, and odd masks flagged."""

import numpy as np
import pytest

from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame, ImagesManifest, Plate
from morphseq_manifest.cohort.params import Params
from stages import sam2
from stages.files.stacks import EmbryoTag, PageTag


def test_area_jumps_compare_with_the_two_frames_before_or_after() -> None:
    assert sam2.area_jumps([100, 100, 100, 130, 100, 100], 0.2) == [False, False, False, True, False, False]
    assert sam2.area_jumps([130, 100, 100], 0.2) == [True, False, False]
    assert sam2.area_jumps([100, 150], 0.2) == [False, False]
    assert sam2.area_jumps([100, 100, 121], 0.2) == [False, False, True]


def tag(area: int, box: tuple[int, int, int, int], pieces: tuple[int, int] = (1, 0)) -> EmbryoTag:
    return EmbryoTag(1, area, box, box, pieces, 1.0)


def test_embryos_are_measured_with_their_largest_pieces() -> None:
    labels = np.zeros((100, 100), np.uint8)
    labels[1:30, 40:60] = 1
    labels[60:64, 10:20] = 2
    labels[50:55, 50:60] = 2
    labels[99, 99] = 2
    grey = np.where(labels > 0, np.uint8(150), np.uint8(200))
    assert sam2.describe(grey, labels, {1: 0.1234567, 2: 0.5}, None) == (
        EmbryoTag(1, 29 * 20, (1, 40, 30, 60), (1, 40, 30, 60), (580, 0), 0.123457, 0.75),
        EmbryoTag(2, 91, (50, 10, 100, 100), (50, 50, 55, 60), (50, 40), 0.5, 0.75),
    )
    assert sam2.describe(grey, np.zeros_like(labels), {}, 8.0) == ()


@pytest.mark.parametrize("um_per_px", [3.2, 8.0, 20.0])
def test_the_size_of_a_mask_is_judged_in_um(params: Params, um_per_px: float) -> None:
    settings, shape = params.block("sam2", sam2.Settings), (3000, 3000)

    def flags(um2: float) -> list[str]:
        return sam2.shape_flags(tag(round(um2 / um_per_px**2), (900, 900, 1200, 1200)), shape, um_per_px, settings)

    assert flags(200e3) == ["SMALL_MASK"]
    # A bare embryo of 12 hpf at the fifth percentile, and a larva of 5 dpf.
    assert flags(380e3) == flags(1.65e6) == []
    assert flags(2.1e6) == ["LARGE_MASK"]


def test_a_mask_on_the_edge_is_nearer_to_it_than_the_setting(params: Params) -> None:
    settings = params.block("sam2", sam2.Settings)
    for gap, um_per_px, is_near in ((0, 9.5, True), (1, 9.5, False), (1, 3.2, True), (2, 3.2, False)):
        box = (100, gap, 100 + 600_000 // 400, 500)
        embryo = tag(round(600e3 / um_per_px**2), box)
        assert sam2.shape_flags(embryo, (3000, 3000), um_per_px, settings) == ["MASK_ON_EDGE"] * is_near, gap


def test_one_stray_pixel_flags_nothing(params: Params) -> None:
    settings = params.block("sam2", sam2.Settings)
    labels = np.zeros((400, 512), np.uint8)
    labels[100:200, 100:200] = labels[0, 0] = 1

    def flags(labels: np.ndarray) -> list[str]:
        (embryo,) = sam2.describe(np.full_like(labels, 200), labels, {1: 1.0}, 8.0)
        return sam2.shape_flags(embryo, labels.shape, 8.0, settings)

    assert flags(labels) == []
    labels[300:315, 300:315] = 1
    assert flags(labels) == ["DISCONTINUOUS_MASK"]
    labels[:, 100:120] = 1
    assert "MASK_ON_EDGE" in flags(labels)


def test_without_a_scale_only_what_touches_the_edge_is_known_to_be_on_it(params: Params) -> None:
    settings = params.block("sam2", sam2.Settings)
    assert sam2.shape_flags(tag(3, (1, 1, 2, 4)), (400, 512), None, settings) == []
    assert sam2.shape_flags(tag(400 * 512, (0, 0, 400, 512)), (400, 512), None, settings) == ["MASK_ON_EDGE"]


def plate_of(frames: int, um_per_px: float | None = 8.0) -> ImagesManifest:
    listed = [Frame("A01", number, f"A01_t{number:04d}.png", 1, "0" * 32) for number in range(frames)]
    return images_manifest.build("20250101", listed, [], frames, plate=Plate(um_per_px))


def test_what_is_odd_about_a_whole_plate_is_said() -> None:
    assert list(sam2.warnings(plate_of(4), 2, [])) == []
    (empty,) = sam2.warnings(plate_of(4), 3, [])
    assert empty.startswith("3 of 4 frames show no embryo")
    (filled,) = sam2.warnings(plate_of(4), 0, ["A01, frame 2"])
    assert "in 1 of 4 frames" in filled
    assert "A01, frame 2" in filled
    (unknown,) = sam2.warnings(plate_of(4, None), 0, [])
    assert "gives no scale" in unknown
    assert "LARGE_MASK" in unknown


def test_a_mask_over_more_than_half_of_a_frame_fills_it() -> None:
    for area, is_filled in ((50, False), (51, True)):
        assert sam2.is_filled(PageTag(0, "", embryos=(tag(area, (0, 0, 10, 10)),)), (10, 10)) == is_filled
    assert not sam2.is_filled(PageTag(0, ""), (10, 10))
