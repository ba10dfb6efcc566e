"""Stage `latents`: each snip's place in a VAE's latent space (its encoder's mu)."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image

from morphseq_manifest import params
from morphseq_manifest.console import note
from stages import layout, legacy_vae, models, stacks, tables
from stages.command import StageCommand
from stages.frames import Grey
from stages.networks import Encoder

_BATCH = 64


class LatentModel(NamedTuple):
    """An encoder ready for inference, and what is needed to feed it and to name what comes out."""

    encoder: torch.nn.Module
    input_size: tuple[int, int]
    columns: list[str]


def latent_columns(latent_dim: int, zn_frac: float) -> list[str]:
    """The names of the latents: `z_mu_00..`, or nuisance `z_mu_n_00..` then biological `z_mu_b_..` for a split model.

    The number goes on over both parts, as in the lab's tables.
    """
    if not zn_frac:
        return [f"z_mu_{index:02d}" for index in range(latent_dim)]
    nuisance = round(latent_dim * zn_frac)
    return [f"z_mu_{'n' if index < nuisance else 'b'}_{index:02d}" for index in range(latent_dim)]


def load(folder: Path) -> LatentModel:
    """The VAE of a model folder. Raises as models.read_config, models.fill and legacy_vae.load_encoder do."""
    config = _read_config(folder)
    if isinstance(config, models.LegacyVaeConfig):
        legacy = legacy_vae.read_config(folder)
        encoder, size = legacy_vae.load_encoder(folder, legacy), legacy.input_dim[1:]
        return LatentModel(encoder, size, latent_columns(legacy.latent_dim, legacy.zn_frac or 0))
    encoder = models.fill(Encoder(config.channels, config.latent_dim, config.input_size), folder)
    return LatentModel(encoder, config.input_size, latent_columns(config.latent_dim, config.zn_frac))


def _read_config(folder: Path) -> models.VaeConfig | models.LegacyVaeConfig:
    """A VAE's config.json; the lab's legacy folders have none, and are known by their model_config.json."""
    if not (folder / models.CONFIG).exists() and (folder / legacy_vae.CONFIG).exists():
        return models.LegacyVaeConfig()
    config: models.VaeConfig | models.LegacyVaeConfig = models.read_config(
        folder, models.VaeConfig | models.LegacyVaeConfig
    )
    return config


def to_input(snip: Grey, input_size: tuple[int, int]) -> NDArray[np.float32]:
    """A snip, uint8 (576, 256), as the encoder takes it: float32 of `input_size` (H, W) in 0..1."""
    height, width = input_size
    resized = Image.fromarray(snip).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32) / np.float32(255)


@torch.inference_mode()
def embed(model: LatentModel, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """mu of a batch, float32 (N, H, W) in 0..1 to float32 (N, latent_dim)."""
    batch = torch.from_numpy(inputs[:, None]).to(models.device(), memory_format=torch.channels_last)
    found: NDArray[np.float32] = model.encoder(batch)[0].float().cpu().numpy()
    return found


def batches(folder: Path, input_size: tuple[int, int]) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """The snips of a folder of stacks, in order of their ids, as (snip_ids, inputs) of at most 64."""
    names: list[str] = []
    inputs: list[NDArray[np.float32]] = []
    for path in sorted(folder.glob("*.tif")):
        for page in stacks.read_stack(path):
            names.append(f"{path.stem}_t{page.tag.time_int:04d}")
            inputs.append(to_input(page.pixels, input_size))
            if len(names) == _BATCH:
                yield names, np.stack(inputs)
                names, inputs = [], []
    if names:
        yield names, np.stack(inputs)


def embed_folder(experiment: str, folder: Path, model: LatentModel) -> pd.DataFrame:
    """The latents of every snip in `folder`, in snip_id order: the keys, then float32 columns."""
    names: list[str] = []
    latents = [np.empty((0, len(model.columns)), np.float32)]
    for batch, inputs in batches(folder, model.input_size):
        names += batch
        latents.append(embed(model, inputs))
    embryos = [name.rpartition("_t")[0] for name in names]
    keys = pd.DataFrame(dict(zip(tables.SNIP_KEYS, ([experiment] * len(names), embryos, names), strict=True)))
    table = pd.concat([keys, pd.DataFrame(np.concatenate(latents), columns=model.columns)], axis=1)
    return table.sort_values("snip_id", ignore_index=True)


@click.command("latents", cls=StageCommand)
@click.argument("experiment")
@click.option("--model", "name", required=True, help="The model folder, under data/models/legacy.")
def main(experiment: str, name: str) -> None:
    """Embed EXPERIMENT's snips with a VAE."""
    params.read().experiment(experiment)
    table = embed_folder(experiment, layout.SNIPS / experiment, load(layout.VAES / name))
    tables.write(layout.latents_table(name, experiment), table)
    note(f"{experiment}: {len(table)} snips embedded by {name}")


if __name__ == "__main__":
    main()
