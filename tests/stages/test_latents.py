"""Latents, against one snip at a time."""

from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.journal import Journal
from stages import latents
from stages.files import stacks
from stages.imaging.snip_settings import SnipSettings
from stages.networks import torch_device
from stages.networks.model_folder import SnipsSeen
from stages.networks.shapes import Encoder, to_mu
from tests.plain.embedding import embedded

pytestmark = pytest.mark.usefixtures("one_thread")


def write_snips(folder: Path, counts: dict[str, int]) -> None:
    folder.mkdir()
    for name, count in counts.items():
        pixels = np.random.default_rng(len(name)).integers(0, 255, (count, 576, 256), np.uint8)
        pages = [stacks.Page(stacks.PageTag(2 * time, "0" * 32), page) for time, page in enumerate(pixels)]
        stacks.write_stack(folder / f"{name}.tif", pages)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder([8, 16, 32], 6)
    for layer in encoder.conv_layers:
        if isinstance(layer, torch.nn.BatchNorm2d):  # as if it had learned
            state = layer.state_dict()
            for tensor in (state["running_mean"], state["bias"]):
                tensor.uniform_(-0.5, 0.5)
            for tensor in (state["running_var"], state["weight"]):
                tensor.uniform_(0.5, 1.5)
    ready: Encoder = encoder.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ready


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> latents.LatentModel:
    return latents.LatentModel(to_mu(encoder), (288, 128), latents.latent_columns(6, 0))


def embed(root: Path, model: latents.LatentModel) -> pd.DataFrame:
    with closing(Journal(root / "journal", latents.Embryo)) as journal:
        return latents.embed_folder("e", root / "snips", model, {"version": 1}, journal)


def test_latents_are_those_of_one_snip_at_a_time(tmp_path: Path, encoder: Encoder, model: latents.LatentModel) -> None:
    write_snips(tmp_path / "snips", {"e_A01_e01": 19, "e_A01_e02": 1, "e_B11_e01": 16})
    table = embedded(tmp_path / "snips", encoder, model.input_size)
    ours = embed(tmp_path, model)
    assert ours["snip_id"].tolist() == sorted(table)
    for name, values in zip(ours["snip_id"], ours[model.columns].to_numpy(), strict=True):
        assert np.allclose(values, table[name], atol=1e-4, rtol=1e-4)
    assert embed(tmp_path, model).equals(ours)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_latents_do_not_depend_on_the_batch_size_or_on_workers(
    tmp_path: Path, model: latents.LatentModel, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    write_snips(tmp_path / "snips", {"e_A01_e01": 7, "e_A02_e01": 2})
    first = embed(tmp_path, model)
    (tmp_path / "journal").unlink()
    for workers in (1, 3):
        monkeypatch.setattr(torch_device, "workers", lambda count=workers: count)
        assert embed(tmp_path, model).equals(first)
        (tmp_path / "journal").unlink()
    monkeypatch.setattr(latents, "BATCH", size)
    other = embed(tmp_path, model)
    assert other["snip_id"].equals(first["snip_id"])
    assert np.allclose(other[model.columns], first[model.columns], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("name", "value"), [("um_per_px", 7.8), ("blend_um", 50.0)])
def test_snips_of_another_kind_than_the_model_saw_are_refused(
    model: latents.LatentModel, name: str, value: float
) -> None:
    cut = SnipSettings(6.5, 75, 10, 5)
    seen = model._replace(trained_on=SnipsSeen(6.5, 75))
    latents.check_snips(model, cut, Path("vae"))
    latents.check_snips(seen, cut, Path("vae"))
    other = msgspec.structs.replace(cut, **{name: value})
    with pytest.raises(ConfigError, match=rf"vae/config.json: trained on snips of {name} .*snips.{name} {value:g}"):
        latents.check_snips(seen, other, Path("vae"))
