"""The lab's legacy VAEs: what they give, and what is refused."""

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from morphseq_manifest.base.errors import ConfigError, MorphseqError, UnreadableError
from stages import latents
from stages.networks.model_folder import LegacyVaeConfig, save
from stages.networks.shapes import Encoder
from tests import tiny
from tests.stages.networks.pickled import Code

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_legacy_vae_gives_its_mu_and_the_labs_columns(tmp_path: Path) -> None:
    model = latents.load(tiny.legacy_folder(tmp_path / "legacy", zn_frac=0.2))
    assert model.columns == ["z_mu_n_00", "z_mu_b_01", "z_mu_b_02", "z_mu_b_03", "z_mu_b_04"]
    assert model.input_size == (288, 128)
    torch.manual_seed(0)
    original = Encoder([4, 8, 8], 5, (288, 128)).eval()
    inputs = np.random.default_rng(0).integers(0, 255, (3, 288, 128), np.uint8)
    with torch.inference_mode():
        expected = original(torch.from_numpy(inputs)[:, None] / 255)[0].numpy()
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
    (folder / "model.pt").write_bytes(pickle.dumps({"model_state_dict": Code()}))
    with pytest.raises(MorphseqError, match=r"legacy/model\.pt: not plain weights"):
        latents.load(folder)
    assert not (tmp_path / "trace").exists()
