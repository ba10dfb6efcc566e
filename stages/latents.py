"""Stage `latents`: each snip's place in a VAE's latent space (its encoder's mu)."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.base.hashing import hash_file
from morphseq_manifest.base.journal import Journal
from morphseq_manifest.base.prefetch import ahead
from morphseq_manifest.base.progress import watching
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.stage_command import StageCommand
from stages.files import layout, stacks, tables
from stages.files.frames import Grey
from stages.networks import legacy_vae, model_folder
from stages.networks.shapes import Encoder, to_mu
from stages.reuse import keys

# More snips at once are slower on a processor: what the first layers give no longer fits its caches.
BATCH = 16


class LatentModel(NamedTuple):
    """What leads to mu, ready for inference, and what is needed to feed it and to name what comes out."""

    to_mu: torch.nn.Module
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
    """The VAE of a model folder. Raises as read_config and fill of model_folder do, and legacy_vae.load_encoder."""
    config = _read_config(folder)
    if isinstance(config, model_folder.LegacyVaeConfig):
        legacy = legacy_vae.read_config(folder)
        encoder, size = legacy_vae.load_encoder(folder, legacy), legacy.input_dim[1:]
        return LatentModel(to_mu(encoder), size, latent_columns(legacy.latent_dim, legacy.zn_frac or 0))
    encoder = model_folder.fill(Encoder(config.channels, config.latent_dim, config.input_size), folder)
    return LatentModel(to_mu(encoder), config.input_size, latent_columns(config.latent_dim, config.zn_frac))


def _read_config(folder: Path) -> model_folder.VaeConfig | model_folder.LegacyVaeConfig:
    """A VAE's config.json; the lab's legacy folders have none, and are known by their model_config.json."""
    if not (folder / model_folder.CONFIG).exists() and (folder / legacy_vae.CONFIG).exists():
        return model_folder.LegacyVaeConfig()
    config: model_folder.VaeConfig | model_folder.LegacyVaeConfig = model_folder.read_config(
        folder, model_folder.VaeConfig | model_folder.LegacyVaeConfig
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
    batch = torch.from_numpy(inputs[:, None]).to(model_folder.device(), memory_format=torch.channels_last)
    found: NDArray[np.float32] = model.to_mu(batch).float().cpu().numpy()
    return found


class Embryo(msgspec.Struct, frozen=True):
    """The latents of one embryo's snips: their key, the snips' frame numbers, and the float32 values in order."""

    key: str
    times: list[int]
    values: bytes


def embed_embryo(path: Path, made_from: dict[str, Any], kept: Mapping[str, Embryo], model: LatentModel) -> Embryo:
    """The latents of an embryo's stack, or those that are `kept` under its key.

    A batch never spans two embryos, so that the latents of one don't depend on any other.
    """
    key = keys.key("latents", **made_from, snips=hash_file(path))
    if key in kept:
        return kept[key]
    times, values = [], [np.empty((0, len(model.columns)), np.float32)]
    for pages in batched(stacks.read_stack(path), BATCH):
        times += [page.tag.time_int for page in pages]
        values.append(embed(model, np.stack([to_input(page.pixels, model.input_size) for page in pages])))
    return Embryo(key, times, np.concatenate(values).tobytes())


def batched(pages: Iterable[stacks.Page], size: int) -> Iterator[list[stacks.Page]]:
    """The pages in lists of at most `size`."""
    waiting = iter(pages)
    while batch := list(islice(waiting, size)):
        yield batch


def embed_folder(
    experiment: str, folder: Path, model: LatentModel, made_from: dict[str, Any], journal: Journal[Embryo]
) -> pd.DataFrame:
    """The latents of every snip in `folder`, in snip_id order: the keys, then float32 columns.

    An embryo whose key is in the journal is not embedded again; one that is, is put there. Several go side by side.
    """
    known = {embryo.key: embryo for embryo in journal.records}
    paths = sorted(folder.glob("*.tif"))
    found: list[Embryo] = []
    with watching(f"latents {experiment}", len(paths), "embryos") as advance, model_folder.one_thread():
        for embryo in ahead(lambda path: embed_embryo(path, made_from, known, model), paths, model_folder.workers()):
            if embryo.key not in known:
                journal.add(embryo)
            advance(1, kept=embryo.key in known)
            found.append(embryo)
    journal.shrink(found)
    embryos = [path.stem for path, embryo in zip(paths, found, strict=True) for _ in embryo.times]
    times = [time_int for embryo in found for time_int in embryo.times]
    names = [f"{embryo}_t{time_int:04d}" for embryo, time_int in zip(embryos, times, strict=True)]
    values = np.frombuffer(b"".join(embryo.values for embryo in found), np.float32).reshape(-1, len(model.columns))
    columns = dict(zip(tables.SNIP_KEYS, ([experiment] * len(names), embryos, names), strict=True))
    table = pd.concat([pd.DataFrame(columns), pd.DataFrame(values, columns=model.columns)], axis=1)
    return table.sort_values("snip_id", ignore_index=True)


def journal_path(model: str, experiment: str) -> Path:
    """Where the latents of an experiment under a model are kept, by embryo.

    Not beside the table, which DVC deletes before the stage runs, nor among what df03 depends on; and disposable.
    """
    return files.OWN / f"latents.{model}.{experiment}.journal"


@click.command("latents", cls=StageCommand)
@click.argument("experiment")
@click.option("--model", "name", required=True, help="The model folder, under data/models/legacy.")
def main(experiment: str, name: str) -> None:
    """Embed EXPERIMENT's snips with a VAE."""
    settings = params.read()
    settings.experiment(experiment)
    folder = layout.VAES / name
    model = load(folder)
    made_from = {"version": settings.version("latents"), "model": keys.model(folder)}
    with closing(Journal(journal_path(name, experiment), Embryo)) as journal:
        table = embed_folder(experiment, layout.SNIPS / experiment, model, made_from, journal)
    tables.write(layout.latents_table(name, experiment), table)
    note(f"{experiment}: {len(table)} snips embedded by {name}")


if __name__ == "__main__":
    main()
