"""The segmenter `sam2`, on tiny networks with random weights: frames, ids, memory, and folders that are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from morphseq_manifest.base.errors import ConfigError, UnreadableError
from stages.segmentation import sam2_video, segmenters
from stages.segmentation.segmented import Segmented

pytestmark = pytest.mark.usefixtures("one_thread")
FRAMES = [np.random.default_rng(seed).integers(0, 255, (90, 120), np.uint8) for seed in range(9)]


def with_settings(folder: Path, place: Path, **detector: object) -> Path:
    """The same networks under another config."""
    shutil.copytree(folder, place)
    settings = json.loads((place / "config.json").read_text())["detector"] | detector
    (place / "config.json").write_text(json.dumps({"kind": "sam2", "detector": settings}))
    return place


def segment(folder: Path, frames: list[np.ndarray]) -> list[Segmented]:
    return list(segmenters.load(folder).segment(frames, None))


def same(one: Segmented, other: Segmented) -> bool:
    return bool((one.labels == other.labels).all()) and one[1:] == other[1:]


def test_embryos_found_in_the_seed_frame_keep_their_values(tiny_sam2: Path) -> None:
    segmented = segment(tiny_sam2, FRAMES)
    assert [frame.is_seed for frame in segmented] == [True] + [False] * 8
    seen = [set(np.unique(frame.labels).tolist()) - {0} for frame in segmented]
    assert len(seen[0]) > 1
    for frame, values in zip(segmented, seen, strict=True):
        assert frame.labels.shape == (90, 120)
        assert frame.labels.dtype == np.uint8
        assert set(frame.confidence) == values <= set(range(1, 9))
        assert all(0.5 <= value <= 1 for value in frame.confidence.values())
    assert any(seen[1:])


def test_the_same_frames_give_the_same_labels_whatever_was_segmented_before(tiny_sam2: Path) -> None:
    segmenter = segmenters.load(tiny_sam2)
    first = list(segmenter.segment(FRAMES, None))
    list(segmenter.segment(FRAMES[:3], None))
    assert all(same(*pair) for pair in zip(first, segmenter.segment(FRAMES, None), strict=True))
    assert all(same(*pair) for pair in zip(first, segment(tiny_sam2, FRAMES), strict=True))


def test_a_missing_frame_changes_nothing_before_it_and_stops_nothing_after_it(tiny_sam2: Path) -> None:
    whole, gap = segment(tiny_sam2, FRAMES), segment(tiny_sam2, [*FRAMES[:4], *FRAMES[5:]])
    assert len(gap) == 8
    assert all(same(*pair) for pair in zip(whole[:4], gap[:4], strict=True))


def test_a_frame_of_another_size_keeps_its_own(tiny_sam2: Path) -> None:
    segmented = segment(tiny_sam2, [*FRAMES[:2], FRAMES[2][:70, :50].copy()])
    assert segmented[2].labels.shape == (70, 50)


def test_where_no_embryo_is_found_every_frame_is_looked_at_and_empty(tiny_sam2: Path, tmp_path: Path) -> None:
    segmented = segment(with_settings(tiny_sam2, tmp_path / "sure", box=1.0), FRAMES[:3])
    assert len(segmented) == 3
    assert not any(frame.labels.any() or frame.confidence or frame.is_seed for frame in segmented)


def test_the_seed_is_the_first_frame_with_an_embryo(tiny_sam2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = segmenters.load(tiny_sam2)
    assert isinstance(segmenter, sam2_video.Sam2Segmenter)
    boxes = iter([np.zeros((0, 4), np.float32), np.array([[10, 10, 60, 50]], np.float32)])
    monkeypatch.setattr(segmenter._detector, "boxes", lambda grey: next(boxes))
    segmented = list(segmenter.segment(FRAMES[:4], None))
    assert [frame.is_seed for frame in segmented] == [False, True, False, False]
    assert not segmented[0].labels.any()
    assert set(segmented[1].confidence) <= {1}


def test_the_prompt_matters(tiny_sam2: Path, tmp_path: Path) -> None:
    one = segmenters.load(tiny_sam2)
    other = segmenters.load(with_settings(tiny_sam2, tmp_path / "other", prompt="embryo"))
    assert isinstance(one, sam2_video.Sam2Segmenter)
    assert isinstance(other, sam2_video.Sam2Segmenter)
    assert not np.array_equal(one._detector.boxes(FRAMES[0]), other._detector.boxes(FRAMES[0]))


def test_what_is_forgotten_is_not_missed(tiny_sam2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pruned = segment(tiny_sam2, FRAMES)
    monkeypatch.setattr(sam2_video.Video, "_forget", lambda self: None)
    assert all(same(*pair) for pair in zip(pruned, segment(tiny_sam2, FRAMES), strict=True))


def test_memory_stays_bounded_over_a_wells_frames(tiny_sam2: Path) -> None:
    segmenter = segmenters.load(tiny_sam2)
    assert isinstance(segmenter, sam2_video.Sam2Segmenter)
    video = sam2_video.Video(segmenter._tracker, np.array([[10, 10, 60, 50]], np.float32), (90, 120))
    for frame in FRAMES * 2:
        video.follow(frame)
    kept = video._session.output_dict_per_obj[0]["non_cond_frame_outputs"]
    assert len(kept) <= 4
    assert not any("high_res_masks" in outputs for outputs in kept.values())
    assert not video._session.processed_frames


def test_a_pixel_goes_to_the_likeliest_embryo() -> None:
    logits = torch.full((3, 4, 4), -5.0)
    logits[0, :, :2] = 3.0
    logits[1, :, 1:] = 1.0
    segmented = sam2_video.to_labels(logits, (4, 4), is_seed=False)
    assert segmented.labels.tolist() == [[1, 1, 2, 2]] * 4
    assert segmented.confidence == {1: pytest.approx(0.9526, abs=1e-4), 2: pytest.approx(0.7311, abs=1e-4)}


def test_a_folder_that_lacks_tensors_is_refused_not_filled_with_random_ones(tiny_sam2: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    place = with_settings(tiny_sam2, tmp_path / "cut")
    weights = load_file(place / "sam2/model.safetensors")
    weights = {name: tensor for name, tensor in weights.items() if name != "no_memory_embedding"}
    save_file(weights, place / "sam2/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"cut/sam2: its weights lack tensors .*no_memory_embedding"):
        segmenters.load(place)
    shutil.rmtree(place / "grounding_dino")
    with pytest.raises(UnreadableError, match=r"cut/grounding_dino: expected a folder"):
        segmenters.load(place)


def test_a_damaged_folder_and_one_without_a_tokenizer_are_named(tiny_sam2: Path, tmp_path: Path) -> None:
    place = with_settings(tiny_sam2, tmp_path / "bad")
    (place / "grounding_dino/tokenizer.json").write_text("{")
    with pytest.raises(ConfigError, match=r"bad/grounding_dino/tokenizer\.json: can't be used"):
        segmenters.load(place)
    (place / "grounding_dino/tokenizer.json").unlink()
    with pytest.raises(UnreadableError, match=r"bad/grounding_dino/tokenizer\.json: missing"):
        segmenters.load(place)
    (place / "grounding_dino/config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"bad/grounding_dino: can't be used"):
        segmenters.load(place)
