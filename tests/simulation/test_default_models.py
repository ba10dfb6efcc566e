"""The default models: files of the repository, how they are copied, trained and evaluated."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from morphseq_manifest.cohort import params
from simulation import default_models, evaluation, mask_training, training, vae_training
from simulation.evaluation import Outcome, Share
from simulation.examples import CLASSES, Example, example
from simulation.plates import PLATES
from stages import latents
from stages.imaging.snip_settings import SnipSettings
from stages.networks import mask_models, model_folder
from stages.networks.qc_networks import QcSettings
from stages.segmentation import segmenters
from tests.project import REPOSITORY

MODELS = default_models.FOLDER
NETWORKS = MODELS / "segmentation/segmentation_models"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Training makes torch deterministic, in one thread, for its process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_models_that_the_settings_name_are_there_and_load() -> None:
    settings = params.read(REPOSITORY)
    for name in settings.block("qc_masks", QcSettings).models.names():
        mask_models.load(NETWORKS / name)
    for name in {listed.segmenter for listed in settings.experiments.values()} | {"build02"}:
        segmenters.load(NETWORKS / name)
    for name in {settings.value("model_name", str), "demo_b"}:
        latents.load(MODELS / "models/legacy" / name)


def test_copying_takes_all_models_and_nothing_else(tmp_path: Path) -> None:
    result = CliRunner().invoke(default_models.main, [str(tmp_path / "data")])
    assert result.exit_code == 0
    expected = {name: content for name, content in contents(MODELS).items() if name != "README.md"}
    assert contents(tmp_path / "data") == expected
    assert len(expected) == 17


def test_copying_again_replaces_what_is_other_and_leaves_what_is_the_same(tmp_path: Path) -> None:
    copied = default_models.copy_models(MODELS, tmp_path)
    assert copied == default_models.folders(MODELS)
    assert default_models.copy_models(MODELS, tmp_path) == []
    weights, config, added = (tmp_path / folder for folder in copied[:3])
    (weights / "model.safetensors").write_bytes(b"others")
    shutil.rmtree(config)
    (added / "notes.txt").write_text("mine")
    assert default_models.copy_models(MODELS, tmp_path) == copied[:3]
    assert contents(tmp_path) == {name: data for name, data in contents(MODELS).items() if name != "README.md"}


def shapes(state: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    settings = params.read(REPOSITORY).block("snips", SnipSettings)
    return [example(f"test/{number}", settings) for number in range(12)]


def test_an_example_is_the_same_each_time_and_covers_what_is_drawn(examples: list[Example]) -> None:
    again = example("test/3")
    assert (again.image == examples[3].image).all()
    assert (again.coverage == examples[3].coverage).all()
    assert again.snips == ()
    coverage = np.stack([one.coverage for one in examples])
    assert coverage.shape == (12, len(CLASSES), 144, 80)
    assert set(np.unique(coverage).tolist()) == set(range(17))
    assert all(snip.shape == (288, 128) for one in examples for snip in one.snips)


@pytest.mark.slow
def test_mask_training_gives_networks_like_the_default_ones_the_same_each_time(
    examples: list[Example], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mask_training, "_STEPS", 6)
    states, again = (mask_training.train_masks(examples) for _ in range(2))
    for name, state in states.items():
        assert all(torch.equal(tensor, again[name][key]) for key, tensor in state.items())
    training.save_segmenters(tmp_path, states)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in NETWORKS.iterdir()}
    for path in tmp_path.rglob("*"):
        default = NETWORKS / path.relative_to(tmp_path)
        if path.suffix == ".safetensors":
            assert shapes(load_file(path)) == shapes(load_file(default))
        elif path.is_file():
            assert path.read_bytes() == default.read_bytes()


@pytest.mark.slow
def test_vae_training_gives_encoders_like_the_default_ones(
    examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vae_training, "_STEPS", 6)
    drawn = [snip for one in examples for snip in one.snips]
    cut = params.read(REPOSITORY).block("snips", SnipSettings)
    for name, plan in training.VAES.items():
        state = vae_training.train_vae(drawn, plan)[0].state_dict()
        folder = MODELS / "models/legacy" / name
        assert shapes(state) == shapes(load_file(folder / "model.safetensors"))
        assert plan.config(cut) == model_folder.read_config(folder, model_folder.VaeConfig)


def test_flags_are_compared_with_those_of_the_embryo_that_covers_most() -> None:
    drawn = np.zeros((20, 20), np.uint8)
    drawn[2:8, 2:8], drawn[12:18, 12:18] = 1, 2
    found = np.zeros_like(drawn)
    found[2:4, 2:8], found[4:8, 2:8] = 3, 7
    true, given = {1: {"dead_flag": True}, 2: {"dead_flag": False}}, {3: {"dead_flag": False}, 7: {"dead_flag": True}}
    pairs = evaluation.paired(true, drawn, given, found)
    assert pairs == [(true[1], given[7]), (true[2], {})]


def test_an_embryo_that_is_not_found_is_wrong() -> None:
    well = dict.fromkeys(evaluation.FLAGS, False)
    right = evaluation.outcomes([(well, well), (well | {"dead_flag": True}, well | {"dead_flag": True})])
    assert [outcome.right for outcome in right] == [True] * 5
    assert [outcome.flag for outcome in right if outcome.concerned] == ["dead_flag"]
    assert not any(outcome.right for outcome in evaluation.outcomes([(well, well), (well, {})]))


def test_shares_are_of_the_wells_concerned_and_of_the_others() -> None:
    found = [Outcome("dead_flag", True, True)] * 49 + [Outcome("dead_flag", True, False)]
    found += [Outcome("focus_flag", False, True)] * 48 + [Outcome("focus_flag", False, False)]
    counted = evaluation.shares(found)
    assert len(counted) == 10
    assert counted[0] == Share("dead_flag", True, 49, 50)
    assert [share.flag for share in counted if not share.enough] == ["focus_flag"]
    lines = evaluation.table(counted).splitlines()
    assert lines[1].split() == ["dead_flag", "concerned", "49", "50", "0.9800"]
    assert lines[2].split() == ["dead_flag", "others", "0", "0", "-"]


def test_the_evaluation_draws_wells_judges_them_and_says_whether_it_is_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(REPOSITORY)
    snapshot = PLATES[1]
    few = replace(snapshot, wells={well: snapshot.wells[well] for well in ("A02", "A05", "A08", "A11")})
    monkeypatch.setattr(evaluation, "PLATES", (few,))
    result = CliRunner().invoke(evaluation.main, ["--seeds", "1"])
    assert result.exit_code == 0, result.output
    default_models.copy_models(MODELS, tmp_path)
    swapped = tmp_path / "segmentation/segmentation_models"
    shutil.copy(swapped / "bubble_v0_0100/model.safetensors", swapped / "focus_v0_0100/model.safetensors")
    result = CliRunner().invoke(evaluation.main, [str(tmp_path), "--seeds", "1"])
    assert result.exit_code == 1
    assert "focus_flag    concerned      0      1  0.0000" in result.output
