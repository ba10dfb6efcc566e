"""Models of every kind, from folders with tiny random weights: what they give, and what is refused."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from morphseq_manifest.base.errors import ConfigError, MorphseqError, UnreadableError
from stages import latents
from stages.networks.model_folder import LegacyVaeConfig, one_thread, save
from stages.networks.shapes import IMAGENET_MEAN, IMAGENET_SD, Encoder
from stages.qc_masks import load_network, probabilities
from stages.segmentation import sam2_video, seed_boxes, segmenters
from stages.segmentation.segmented import Segmented
from tests import tiny
from tests.project import PLATES, REPOSITORY, Project

AWKWARD = PLATES[2]
FRAMES = [np.random.default_rng(seed).integers(0, 255, (90, 120), np.uint8) for seed in range(9)]


@pytest.fixture(autouse=True, scope="module")
def threads() -> Iterator[None]:
    """Threads that wait for each other's cores take many times longer than one."""
    with one_thread():
        yield


# sam2


@pytest.fixture(scope="module")
def sam2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.sam2_folder(tmp_path_factory.mktemp("models") / "sam2", box=0.0, iou=0.9)


def with_settings(folder: Path, place: Path, **detector: object) -> Path:
    """The same networks under another config."""
    shutil.copytree(folder, place)
    settings = json.loads((place / "config.json").read_text())["detector"] | detector
    (place / "config.json").write_text(json.dumps({"kind": "sam2", "detector": settings}))
    return place


def segment(folder: Path, frames: list[np.ndarray]) -> list[Segmented]:
    return list(segmenters.load(folder).segment(frames))


def same(one: Segmented, other: Segmented) -> bool:
    return bool((one.labels == other.labels).all()) and one[1:] == other[1:]


def test_embryos_found_in_the_seed_frame_keep_their_values(sam2: Path) -> None:
    found = segment(sam2, FRAMES)
    assert [frame.is_seed for frame in found] == [True] + [False] * 8
    seen = [set(np.unique(frame.labels).tolist()) - {0} for frame in found]
    assert len(seen[0]) > 1
    for frame, values in zip(found, seen, strict=True):
        assert frame.labels.shape == (90, 120)
        assert frame.labels.dtype == np.uint8
        assert set(frame.confidence) == values <= set(range(1, 9))
        assert all(0.5 <= value <= 1 for value in frame.confidence.values())
    assert any(seen[1:])


def test_the_same_frames_give_the_same_labels_whatever_was_segmented_before(sam2: Path) -> None:
    segmenter = segmenters.load(sam2)
    first = list(segmenter.segment(FRAMES))
    list(segmenter.segment(FRAMES[:3]))
    assert all(same(*pair) for pair in zip(first, segmenter.segment(FRAMES), strict=True))
    assert all(same(*pair) for pair in zip(first, segment(sam2, FRAMES), strict=True))


def test_a_missing_frame_changes_nothing_before_it_and_stops_nothing_after_it(sam2: Path) -> None:
    whole, gap = segment(sam2, FRAMES), segment(sam2, [*FRAMES[:4], *FRAMES[5:]])
    assert len(gap) == 8
    assert all(same(*pair) for pair in zip(whole[:4], gap[:4], strict=True))


def test_a_frame_of_another_size_keeps_its_own(sam2: Path) -> None:
    found = segment(sam2, [*FRAMES[:2], FRAMES[2][:70, :50].copy()])
    assert found[2].labels.shape == (70, 50)


def test_where_no_embryo_is_found_every_frame_is_looked_at_and_empty(sam2: Path, tmp_path: Path) -> None:
    found = segment(with_settings(sam2, tmp_path / "sure", box=1.0), FRAMES[:3])
    assert [(frame.labels.any(), frame.confidence, frame.is_seed) for frame in found] == [(False, {}, False)] * 3


def test_the_seed_is_the_first_frame_with_an_embryo(sam2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = segmenters.load(sam2)
    assert isinstance(segmenter, sam2_video.PropagationSegmenter)
    boxes = iter([np.zeros((0, 4), np.float32), np.array([[10, 10, 60, 50]], np.float32)])
    monkeypatch.setattr(segmenter._detector, "boxes", lambda grey: next(boxes))
    found = list(segmenter.segment(FRAMES[:4]))
    assert [frame.is_seed for frame in found] == [False, True, False, False]
    assert not found[0].labels.any()
    assert set(found[1].confidence) <= {1}


def test_the_prompt_matters(sam2: Path, tmp_path: Path) -> None:
    one = segmenters.load(sam2)
    other = segmenters.load(with_settings(sam2, tmp_path / "other", prompt="embryo"))
    assert isinstance(one, sam2_video.PropagationSegmenter)
    assert isinstance(other, sam2_video.PropagationSegmenter)
    assert not np.array_equal(one._detector.boxes(FRAMES[0]), other._detector.boxes(FRAMES[0]))


def test_what_is_forgotten_is_not_missed(sam2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pruned = segment(sam2, FRAMES)
    monkeypatch.setattr(sam2_video.Video, "_forget", lambda self: None)
    assert all(same(*pair) for pair in zip(pruned, segment(sam2, FRAMES), strict=True))


def test_memory_stays_bounded_over_a_wells_frames(sam2: Path) -> None:
    segmenter = segmenters.load(sam2)
    assert isinstance(segmenter, sam2_video.PropagationSegmenter)
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
    found = sam2_video.to_labels(logits, (4, 4), is_seed=False)
    assert found.labels.tolist() == [[1, 1, 2, 2]] * 4
    assert found.confidence == {1: pytest.approx(0.9526, abs=1e-4), 2: pytest.approx(0.7311, abs=1e-4)}


boxes = st.lists(st.tuples(*[st.integers(1, 9)] * 2, *[st.integers(1, 5)] * 2), max_size=6)


@given(boxes, st.data())
def test_chosen_boxes_are_sure_lie_in_the_frame_and_apart(some: list[tuple[int, ...]], data: st.DataObject) -> None:
    scores = np.array([data.draw(st.integers(0, 20)) / 20 for _ in some], np.float32)
    settings = seed_boxes.Settings()
    chosen = seed_boxes.choose(scores, np.array(some, np.float32).reshape(-1, 4) / 10, (300, 400), settings)
    assert len(chosen) <= (scores > settings.box).sum()
    assert (len(chosen) > 0) == bool((scores > settings.box).any())
    assert ((chosen >= 0) & (chosen <= [400, 300, 400, 300])).all()
    assert chosen[:, 1].tolist() == sorted(chosen[:, 1].tolist())
    assert all(seed_boxes._iou(one, other) <= 0.5 for i, one in enumerate(chosen) for other in chosen[:i])


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


def test_a_folder_that_lacks_tensors_is_refused_not_filled_with_random_ones(sam2: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    place = with_settings(sam2, tmp_path / "cut")
    weights = load_file(place / "sam2/model.safetensors")
    weights = {name: tensor for name, tensor in weights.items() if name != "no_memory_embedding"}
    save_file(weights, place / "sam2/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"cut/sam2: its weights lack tensors .*no_memory_embedding"):
        segmenters.load(place)
    shutil.rmtree(place / "grounding_dino")
    with pytest.raises(UnreadableError, match=r"cut/grounding_dino: expected a folder"):
        segmenters.load(place)


def test_a_damaged_folder_and_one_without_a_tokenizer_are_named(sam2: Path, tmp_path: Path) -> None:
    place = with_settings(sam2, tmp_path / "bad")
    (place / "grounding_dino/tokenizer.json").write_text("{")
    with pytest.raises(ConfigError, match=r"bad/grounding_dino/tokenizer\.json: can't be used"):
        segmenters.load(place)
    (place / "grounding_dino/tokenizer.json").unlink()
    with pytest.raises(UnreadableError, match=r"bad/grounding_dino/tokenizer\.json: missing"):
        segmenters.load(place)
    (place / "grounding_dino/config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"bad/grounding_dino: can't be used"):
        segmenters.load(place)


# exported


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return tiny.exported_folder(tmp_path_factory.mktemp("models") / "exported", tiny.Pyramid())


def test_an_exported_network_gives_what_it_gave_before(exported: Path) -> None:
    torch.manual_seed(0)
    original = tiny.Pyramid().eval()
    images = np.random.default_rng(0).random((3, 576, 320), np.float32)
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
    with torch.inference_mode():
        expected = torch.sigmoid(original((torch.from_numpy(images)[:, None].expand(-1, 3, -1, -1) - mean) / sd))[:, 0]
    network = load_network(exported)
    found = probabilities(network, images)
    assert found.shape == (3, 576, 320)
    assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose(np.concatenate([probabilities(network, image[None]) for image in images]), found, atol=1e-5)


class _Code:
    """What a pickle runs when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (f"{os.environ['MORPHSEQ_TEST_TRACE']}",)


def rewrite(folder: Path, place: Path, changes: dict[str, bytes]) -> Path:
    """A copy of an exported folder in which files of the archive, named by their ends, are others."""
    shutil.copytree(folder, place)
    with zipfile.ZipFile(folder / "model.pt2") as old, zipfile.ZipFile(place / "model.pt2", "w") as new:
        top = old.namelist()[0].partition("/")[0]
        for name in old.namelist():
            data = next((data for end, data in changes.items() if name.endswith(end)), old.read(name))
            new.writestr(name, data)
        for end, data in changes.items():
            if not any(name.endswith(end) for name in old.namelist()):
                new.writestr(top + end, data)
    return place


def read(folder: Path, end: str) -> bytes:
    with zipfile.ZipFile(folder / "model.pt2") as archive:
        return next(archive.read(name) for name in archive.namelist() if name.endswith(end))


@pytest.mark.parametrize("case", ["example", "weights", "operator", "size", "library", "condition"])
def test_an_archive_that_could_run_code_is_refused(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("MORPHSEQ_TEST_TRACE", str(trace))
    graph = read(exported, "/models/model.json")
    changes = {
        "example": {"/data/sample_inputs/model.pt": pickle.dumps(_Code())},
        "weights": {
            "/model_weights_config.json": read(exported, "/model_weights_config.json").replace(
                b'"use_pickle": false', b'"use_pickle": true', 1
            )
        },
        "operator": {"/models/model.json": graph.replace(b"torch.ops.aten.relu.default", b"torch.hub.load", 1)},
        "size": {"/models/model.json": graph.replace(b"Symbol('s", b"__import__('os').getpid() + Symbol('s", 1)},
        "library": {"/data/aotinductor/model/model.so": b"\x7fELF"},
        "condition": {"/models/model.json": graph.replace(b'"guards_code": []', b'"guards_code": ["exit()"]', 1)},
    }[case]
    place = rewrite(exported, tmp_path / "spoilt", changes)
    with pytest.raises(
        ConfigError, match=r"spoilt/model\.pt2: .*could run code, and it is not loaded.*docs/models\.md"
    ):
        load_network(place)
    assert not trace.exists()


def test_an_archive_that_is_none_or_of_other_shapes_is_named(exported: Path, tmp_path: Path) -> None:
    place = tmp_path / "cut"
    shutil.copytree(exported, place)
    (place / "model.pt2").write_bytes((exported / "model.pt2").read_bytes()[:2000])
    with pytest.raises(ConfigError, match=r"cut/model\.pt2: no whole torch\.export archive"):
        load_network(place)
    (place / "model.pt2").unlink()
    with pytest.raises(UnreadableError, match=r"cut/model\.pt2: missing"):
        load_network(place)
    with pytest.raises(ConfigError, match=r"does not take 2 x 3 x 576 x 320"):
        load_network(tiny.exported_folder(tmp_path / "small", tiny.Pyramid(), (2, 3, 64, 32)))
    with pytest.raises(ConfigError, match=r"2 images give \(2, 4, 288, 160\), expected logits"):
        load_network(tiny.exported_folder(tmp_path / "other", nn.Conv2d(3, 4, 3, 2, 1)))


# legacy_vae


def test_a_legacy_vae_gives_its_mu_and_the_labs_columns(tmp_path: Path) -> None:
    model = latents.load(tiny.legacy_folder(tmp_path / "legacy", zn_frac=0.2))
    assert model.columns == ["z_mu_n_00", "z_mu_b_01", "z_mu_b_02", "z_mu_b_03", "z_mu_b_04"]
    assert model.input_size == (288, 128)
    torch.manual_seed(0)
    original = Encoder([4, 8, 8], 5, (288, 128)).eval()
    inputs = np.random.default_rng(0).random((3, 288, 128), np.float32)
    with torch.inference_mode():
        expected = original(torch.from_numpy(inputs)[:, None])[0].numpy()
    assert np.allclose(latents.embed(model, inputs), expected, atol=1e-5)
    assert latents.load(tiny.legacy_folder(tmp_path / "plain")).columns[0] == "z_mu_00"


def test_a_legacy_folder_may_say_its_kind(tmp_path: Path) -> None:
    folder = tiny.legacy_folder(tmp_path / "legacy")
    save(tmp_path / "said", LegacyVaeConfig(), None)
    for name in ("model.pt", "model_config.json"):
        shutil.copy2(folder / name, tmp_path / "said" / name)
    assert latents.load(tmp_path / "said").columns == latents.load(folder).columns
    (tmp_path / "said/model_config.json").unlink()
    with pytest.raises(UnreadableError, match=r"said/model_config\.json: can't be read"):
        latents.load(tmp_path / "said")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"latent_dim": 6}, "embedding.weight is 5 x 4608, expected 6 x 4608"),
        ({"input_dim": [1, 144, 128]}, "embedding.weight is 5 x 4608, expected 5 x 2304"),
        ({"input_dim": [3, 288, 128]}, "expected one channel"),
        ({"input_dim": [1, 4, 4]}, "3 convolutions encoder.conv_layers.* found for an input of 4 x 4"),
        ({"latent_dim": "many"}, r"model_config.json: can't be used"),
    ],
)
def test_a_legacy_folder_whose_tensors_dont_fit_says_which(
    tmp_path: Path, config: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        latents.load(tiny.legacy_folder(tmp_path / "legacy", **config))
    assert said in str(caught.value)
    assert "legacy" in str(caught.value)


def test_a_legacy_folder_with_a_layer_missing_or_too_many_says_which(tmp_path: Path) -> None:
    folder = tiny.legacy_folder(tmp_path / "legacy")
    state = torch.load(folder / "model.pt", weights_only=True)["model_state_dict"]
    state["encoder.extra"] = state.pop("encoder.conv_layers.4.running_mean")
    torch.save({"model_state_dict": state}, folder / "model.pt")
    with pytest.raises(ConfigError, match=r"conv_layers\.4\.running_mean is missing; extra is not expected"):
        latents.load(folder)


def test_encoder_pkl_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORPHSEQ_TEST_TRACE", str(tmp_path / "trace"))
    folder = tiny.legacy_folder(tmp_path / "legacy")
    # Opening a pipe that nobody writes to would wait for ever.
    os.mkfifo(folder / "encoder.pkl")
    latents.load(folder)
    (folder / "model.pt").write_bytes(pickle.dumps({"model_state_dict": _Code()}))
    with pytest.raises(MorphseqError, match=r"legacy/model\.pt: not plain weights"):
        latents.load(folder)
    assert not (tmp_path / "trace").exists()


# All of them in the stages


def test_the_stages_run_with_the_labs_kinds_of_models(sam2: Path, exported: Path, project: Project) -> None:
    networks, vaes = project.root / "data/segmentation/segmentation_models", project.root / "data/models/legacy"
    shutil.copytree(sam2, networks / "lab")
    shutil.rmtree(networks / "focus_v0_0100")
    shutil.copytree(exported, networks / "focus_v0_0100")
    tiny.legacy_folder(vaes / "lab_vae", zn_frac=0.2)
    project.experiments({AWKWARD: "lab"})
    output = project.run("dvc", "exp", "run", "--set-param", "model_name=lab_vae", "df01", f"latents@{AWKWARD}")
    assert "transformers" not in output
    assert "up to date" in project.run("dvc", "status", "df01", f"latents@{AWKWARD}")
    assert project.manifest("df01").experiments[AWKWARD].segmenter == "lab"
    table = pd.read_csv(project.root / f"data/sam2_pipeline_files/sam2_expr_files/sam2_metadata_{AWKWARD}.csv")
    assert len(table) > 40
    seeds = table[table["is_seed_frame"]]
    assert (seeds.groupby("well")["time_int"].nunique() == 1).all()
    # Well A02 lacks a frame in the middle.
    assert 2 not in set(table.loc[table["well"] == "A02", "time_int"])
    assert set(table.loc[table["well"] == "A02", "frame_index"]) <= set(range(5))
    latents = pd.read_csv(vaes.parents[1] / f"analysis/latent_embeddings/legacy/lab_vae/morph_latents_{AWKWARD}.csv")
    assert list(latents.columns[3:]) == ["z_mu_n_00", "z_mu_b_01", "z_mu_b_02", "z_mu_b_03", "z_mu_b_04"]
    assert set(latents["snip_id"]) == set(table["snip_id"])


def test_what_needs_no_network_of_transformers_does_not_wait_for_it() -> None:
    code = "import sys; from stages import snips, sam2, build03; print({'transformers', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_documented_script_makes_an_archive_that_loads(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs/models.md").read_text()
    (script,) = (part for part in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "torch.export.save" in part)
    assert sum(bool(line) for line in script.splitlines()) <= 10
    (tmp_path / "export.py").write_text(script)
    # In place of segmentation_models_pytorch: a small network under its names.
    (tmp_path / "segmentation_models_pytorch.py").write_text(
        "from tests import tiny\n\ndef FPN(name, encoder_weights, in_channels, classes):\n    return tiny.Pyramid()\n"
    )
    torch.manual_seed(3)
    original = tiny.Pyramid().eval()
    torch.save(original.state_dict(), tmp_path / "checkpoint.pt")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text('{"kind": "exported"}')
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"}
    command = [sys.executable, "export.py", "checkpoint.pt", "model/model.pt2"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    images = np.random.default_rng(0).random((1, 576, 320), np.float32)
    assert probabilities(load_network(tmp_path / "model"), images).shape == (1, 576, 320)
