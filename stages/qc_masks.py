"""Stage `qc_masks` (the lab's Build02): five networks' masks of every frame, for quality control."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from morphseq_manifest import images_manifest, params
from morphseq_manifest.console import note
from morphseq_manifest.images_manifest import Frame
from stages import layout, models, stacks
from stages.command import StageCommand
from stages.exported import load_exported
from stages.frames import read_frame, to_qc_input
from stages.networks import UNet
from stages.qc_settings import QcSettings

_BATCH = 8


def load_unet(folder: Path, width: int) -> torch.nn.Module:
    """The UNet of `width` whose weights a model folder holds, ready for inference. Raises as models.fill does."""
    return models.fill(UNet(width), folder)


def load_network(folder: Path) -> torch.nn.Module:
    """The mask network of a model folder, ready for inference.

    Raises as models.read_config, models.fill and exported.load_exported do.
    """
    config = models.read_config(folder, models.UNetConfig | models.ExportedConfig)
    return load_exported(folder) if isinstance(config, models.ExportedConfig) else load_unet(folder, config.width)


@torch.inference_mode()
def probabilities(network: torch.nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The network's sigmoid for a batch, float32 (N, 576, 320) of inputs in 0..1 to float32 of the same shape."""
    batch = torch.from_numpy(images[:, None]).to(models.device(), memory_format=torch.channels_last)
    found: NDArray[np.float32] = torch.sigmoid(network(batch).float())[:, 0].cpu().numpy()
    return found


def frame_masks(
    networks: list[torch.nn.Module], images: NDArray[np.float32], threshold: float
) -> Iterator[list[NDArray[np.uint8]]]:
    """For each image of a batch, float32 (N, 576, 320), its mask by each network, uint8 0/255 (576, 320)."""
    masks = [np.where(probabilities(network, images) >= threshold, np.uint8(255), np.uint8(0)) for network in networks]
    for index in range(len(images)):
        yield [mask[index] for mask in masks]


def write_well(
    experiment: str, frames: list[Frame], networks: list[torch.nn.Module], threshold: float, folders: list[Path]
) -> None:
    """Write one well's stack into each network's folder; every frame is read and decoded once."""
    with ExitStack() as opened:
        writers = [opened.enter_context(stacks.writing(folder / f"{frames[0].well}.tif")) for folder in folders]
        for start in range(0, len(frames), _BATCH):
            batch = frames[start : start + _BATCH]
            images = np.stack([to_qc_input(read_frame(layout.FRAMES / experiment, frame)) for frame in batch])
            for frame, masks in zip(batch, frame_masks(networks, images, threshold), strict=True):
                for write, mask in zip(writers, masks, strict=True):
                    write(stacks.Page(stacks.PageTag(frame.time_int, frame.xxh3_128), mask))


@click.command("qc_masks", cls=StageCommand)
@click.argument("experiment")
def main(experiment: str) -> None:
    """Make EXPERIMENT's masks with the five networks."""
    settings = params.read()
    settings.experiment(experiment)
    qc = settings.block("qc_masks", QcSettings)
    manifest = images_manifest.read(layout.images_manifest(experiment))
    networks = [load_network(layout.MODELS / name) for name in qc.models.names()]
    places = [layout.predictions(name, experiment) for name in qc.models.names()]
    with stacks.replacing_folders(places) as folders:
        for frames in manifest.by_well().values():
            write_well(experiment, frames, networks, qc.threshold, folders)
    note(f"{experiment}: {len(places)} masks of each of {manifest.counts.frames} frames")


if __name__ == "__main__":
    main()
