"""Stage `latents`: embeds each snip in a VAE's latent space (its encoder's mu)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from math import nan
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
from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.base.hashing import hash_file
from morphseq_manifest.base.journal import Journal
from morphseq_manifest.base.prefetch import ahead
from morphseq_manifest.base.progress import watching
from morphseq_manifest.cohort import columns, params, row_keys
from morphseq_manifest.cohort.columns import Source
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, stacks, tables
from stages.files.stacks import Cut
from stages.imaging.arrays import Grey
from stages.imaging.snip_settings import SnipSettings
from stages.networks import legacy_vae, model_folder, torch_device
from stages.networks.model_folder import SnipsSeen
from stages.networks.shapes import Encoder, to_mu
from stages.reuse import keys

# More snips at once are slower on a processor: what the first layers give no longer fits its caches.
BATCH = 16
# Less of an embryo in its snip means that it is cut off.
_MOST_INSIDE = 0.98
_OLD_SUFFIXES = {".jpg", ".jpeg", ".png"}


class LatentModel(NamedTuple):
    """What leads to mu, ready for inference, and what is needed to feed it and to name what comes out."""

    to_mu: torch.nn.Module
    input_size: tuple[int, int]
    columns: list[str]
    trained_on: SnipsSeen | None = None


def latent_columns(latent_dim: int, zn_frac: float) -> list[str]:
    """The names of the latents; `zn_frac` of them are nuisance, 0 for a model that is not split."""
    return columns.latents(latent_dim, round(latent_dim * zn_frac) if zn_frac else None)


def load(folder: Path) -> LatentModel:
    """The VAE of a model folder. Raises as read_config and fill of model_folder do, and legacy_vae.load_encoder."""
    config = _read_config(folder)
    if isinstance(config, model_folder.LegacyVaeConfig):
        legacy = legacy_vae.read_config(folder)
        encoder, size = legacy_vae.load_encoder(folder, legacy), legacy.input_dim[1:]
        names = latent_columns(legacy.latent_dim, legacy.zn_frac or 0)
        return LatentModel(to_mu(encoder), size, names, config.trained_on)
    encoder = model_folder.fill(Encoder(config.channels, config.latent_dim, config.input_size), folder)
    names = latent_columns(config.latent_dim, config.zn_frac)
    return LatentModel(to_mu(encoder), config.input_size, names, config.trained_on)


def _read_config(folder: Path) -> model_folder.VaeConfig | model_folder.LegacyVaeConfig:
    """A VAE's config.json; the lab's legacy folders have none, and are known by their model_config.json."""
    if not (folder / model_folder.CONFIG).exists() and (folder / legacy_vae.CONFIG).exists():
        return model_folder.LegacyVaeConfig()
    config: model_folder.VaeConfig | model_folder.LegacyVaeConfig = model_folder.read_config(
        folder, model_folder.VaeConfig | model_folder.LegacyVaeConfig
    )
    return config


def check_snips(model: LatentModel, snips: SnipSettings, folder: Path) -> None:
    """Raise ConfigError if the model of a folder was trained on snips of another scale or blend.

    Its latents would mean something else: those of the same embryos at 6.5 and at 7.8 um per px correlate by 0.69.
    """
    seen = model.trained_on
    for name, trained, cut in (
        ("um_per_px", seen and seen.um_per_px, snips.um_per_px),
        ("blend_um", seen and seen.blend_um, snips.blend_um),
    ):
        if trained is not None and trained != cut:
            raise ConfigError(
                f"{folder / model_folder.CONFIG}: trained on snips of {name} {trained:g}, but {PARAMS} cuts them with "
                f"snips.{name} {cut:g}. Choose another model_name, or set snips.{name} to {trained:g}"
            )


def to_input(snip: Grey, input_size: tuple[int, int]) -> Grey:
    """A snip, uint8 (576, 256), of the size that the encoder takes: uint8 of `input_size` (H, W)."""
    height, width = input_size
    return np.asarray(Image.fromarray(snip).resize((width, height), Image.Resampling.BILINEAR))


@torch.inference_mode()
def embed(model: LatentModel, inputs: Grey) -> NDArray[np.float32]:
    """mu of a batch, uint8 (N, H, W) to float32 (N, latent_dim); the encoder is given 0 to 255 as 0 to 1."""
    batch = torch.from_numpy(inputs[:, None]).to(torch_device.device())
    scaled = batch.to(torch.float32, memory_format=torch.channels_last).div_(255)
    mu: NDArray[np.float32] = model.to_mu(scaled).float().cpu().numpy()
    return mu


class Embryo(msgspec.Struct, frozen=True):
    """The latents of one embryo's snips: their key, the snips' frame numbers, and the float32 values in order.

    `cuts` says how each snip was cut, None if its stack does not say.
    """

    key: str
    times: list[int]
    values: bytes
    cuts: list[Cut | None]


def batched(pages: Iterable[stacks.Page], size: int) -> Iterator[list[stacks.Page]]:
    """The pages in lists of at most `size`."""
    waiting = iter(pages)
    while batch := list(islice(waiting, size)):
        yield batch


def latents_table(experiment: str, ids: list[str], embryos: list[Embryo], latents: list[str]) -> pd.DataFrame:
    """The rows of embryos, whose ids are `ids`, in snip_id order: the keys, how the snips were cut, then the latents.

    The latents are float32, in columns of these names.
    """
    named = [(name, time_int) for name, embryo in zip(ids, embryos, strict=True) for time_int in embryo.times]
    rows = [(experiment, name, f"{name}_t{time_int:04d}") for name, time_int in named]
    values = np.frombuffer(b"".join(embryo.values for embryo in embryos), np.float32).reshape(-1, len(latents))
    keyed = pd.DataFrame(rows, columns=list(row_keys.LATENTS_KEY))
    cut = cut_columns([cut for embryo in embryos for cut in embryo.cuts])
    whole = pd.concat([keyed, cut, pd.DataFrame(values, columns=latents)], axis=1)
    return whole.sort_values("snip_id", ignore_index=True)


def cut_columns(cuts: Sequence[Cut | None]) -> pd.DataFrame:
    """How snips were cut, a row each, as text; blank if their stacks do not say."""
    values = np.array(
        [(nan, nan, nan) if cut is None else (cut.um_per_px, cut.angle, cut.inside < _MOST_INSIDE) for cut in cuts],
        np.float64,
    ).reshape(-1, 3)
    named = zip(columns.of(Source.SNIPS), values.T, strict=True)
    return pd.DataFrame({column.name: tables.format_column(cells, column.dtype) for column, cells in named}, dtype=str)


def embed_embryo(path: Path, made_from: dict[str, Any], kept: Mapping[str, Embryo], model: LatentModel) -> Embryo:
    """The latents of an embryo's stack, or those that are `kept` under its key.

    A batch never spans two embryos, so that the latents of one don't depend on any other.
    """
    key = keys.key("latents", **made_from, snips=hash_file(path))
    if key in kept:
        return kept[key]
    tags: list[stacks.PageTag] = []
    values = [np.empty((0, len(model.columns)), np.float32)]
    for pages in batched(stacks.read_stack(path), BATCH):
        tags += [page.tag for page in pages]
        values.append(embed(model, np.stack([to_input(page.pixels, model.input_size) for page in pages])))
    return Embryo(key, [tag.time_int for tag in tags], np.concatenate(values).tobytes(), [tag.cut for tag in tags])


def check_stacks(experiment: str, folder: Path) -> None:
    """Raise ContentError if a folder has snips in the lab's older form, which do not say at which scale they were cut.

    A model that is given snips of another scale than it was trained on gives latents that mean something else.
    """
    if old := next((path.name for path in sorted(folder.glob("*")) if path.suffix.lower() in _OLD_SUFFIXES), None):
        raise ContentError(
            f"{folder / old}: a snip of a scale that nobody knows, so no model can be said to fit it. Cut the snips "
            f"anew: `morphseq run snips@{experiment} --force`"
        )


def embed_folder(
    experiment: str, folder: Path, model: LatentModel, made_from: dict[str, Any], journal: Journal[Embryo]
) -> pd.DataFrame:
    """The latents of every snip in `folder`, in snip_id order: the keys, then float32 columns.

    An embryo whose key is in the journal is not embedded again; one that is, is put there. Several go side by side.
    """
    known = {embryo.key: embryo for embryo in journal.records}
    paths = sorted(folder.glob("*.tif"))
    check_stacks(experiment, folder)
    embedded: list[Embryo] = []
    with watching(f"latents {experiment}", len(paths), "embryos") as advance, torch_device.one_thread():
        for embryo in ahead(lambda path: embed_embryo(path, made_from, known, model), paths, torch_device.workers()):
            if embryo.key not in known:
                journal.add(embryo)
            advance(1, kept=embryo.key in known)
            embedded.append(embryo)
    journal.shrink(embedded)
    return latents_table(experiment, [path.stem for path in paths], embedded, model.columns)


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
    check_snips(model, settings.block("snips", SnipSettings), folder)
    made_from = {"version": settings.version("latents"), "model": keys.model(folder)}
    with closing(Journal(journal_path(name, experiment), Embryo)) as journal:
        table = embed_folder(experiment, layout.SNIPS / experiment, model, made_from, journal)
    tables.write(layout.latents_table(name, experiment), table)
    note(f"{experiment}: {len(table)} snips embedded by {name}")
    if model.trained_on is None:
        cure = f"Add `trained_on` with um_per_px and blend_um to {folder / model_folder.CONFIG}"
        note(f"warning: {name} does not say what snips it was trained on. {cure}")


if __name__ == "__main__":
    main()
