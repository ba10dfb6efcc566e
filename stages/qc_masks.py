"""Stage `qc_masks` (the lab's Build02): makes five networks' masks of every frame, for quality control."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from numpy.typing import NDArray

from morphseq_manifest.base.console import note
from morphseq_manifest.base.prefetch import ahead
from morphseq_manifest.base.progress import Advance, watching
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame, ImagesManifest, Reading
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, stacks
from stages.files.frames import read_frame
from stages.imaging.qc_frame import qc_scale, to_qc_input
from stages.networks import mask_models, torch_device
from stages.networks.mask_network import probabilities
from stages.networks.qc_networks import QcSettings
from stages.reuse import kept_stacks, keys
from stages.reuse.kept_stacks import Shelf

# Frames that go through a network at once: eight keep a large network under 2 GB.
BATCH = 8
Shape = tuple[int, ...]


class Network(NamedTuple):
    """A mask network, where its masks go, and the part of their key that says what it is."""

    network: torch.nn.Module
    shelf: Shelf
    content: str


class Batch(NamedTuple):
    """Frames of one well that go through the networks together."""

    well: str
    frames: Sequence[Frame]


def masks_of(network: torch.nn.Module, images: NDArray[np.float32], threshold: float) -> NDArray[np.uint8]:
    """A network's masks of a batch, uint8 0/255 (N, 576, 320)."""
    return np.where(probabilities(network, images) >= threshold, np.uint8(255), np.uint8(0))


def read_batch(folder: Path, reading: Reading, frames: Sequence[Frame]) -> tuple[NDArray[np.float32], Shape]:
    """A batch of frames as the networks take them, float32 (N, 576, 320), and the shape of the first one.

    Every frame is read and decoded once.
    """
    shapes, images = list[Shape](), []
    for frame in frames:
        grey = read_frame(folder, reading, frame)
        shapes.append(grey.shape)
        images.append(to_qc_input(grey))
    return np.stack(images), shapes[0]


def make_masks(
    folder: Path,
    manifest: ImagesManifest,
    networks: Sequence[Network],
    made_from: dict[str, Any],
    advance: Advance,
) -> None:
    """Make the stacks of all wells of `manifest` that are not there yet, from the frames in `folder`.

    `made_from` is what all masks are made from, `threshold` among it. The next batches are read, and batches go
    through networks side by side, while masks are written. A batch never spans two wells, so that what is made of a
    well does not depend on any other.
    """
    wells, reading = manifest.by_well(), manifest.reading
    missing = _missing(wells, networks, made_from | {"reading": reading}, advance)
    batches = [
        Batch(well, wells[well][start : start + BATCH])
        for well in wells
        if missing[well]
        for start in range(0, len(wells[well]), BATCH)
    ]
    with torch_device.one_thread():
        read = zip(batches, ahead(lambda batch: read_batch(folder, reading, batch.frames), batches), strict=True)
        tasks = ((network.network, *images) for batch, images in read for network, _ in missing[batch.well])
        made = ahead(
            lambda task: (masks_of(task[0], task[1], made_from["threshold"]), task[2]), tasks, torch_device.workers()
        )
        for well, group in groupby(batches, key=lambda batch: batch.well):
            write_well(wells[well], group, missing[well], made, manifest.plate.um_per_px, advance)


def _missing(
    wells: dict[str, list[Frame]], networks: Sequence[Network], made_from: dict[str, Any], advance: Advance
) -> dict[str, list[tuple[Network, str]]]:
    """For each well, the networks whose stack is not there yet, with the key it will have."""
    missing = {}
    for well, frames in wells.items():
        listed = keys.frames(frames)
        keyed = [
            (network, keys.key("qc_masks", **made_from, model=network.content, frames=listed)) for network in networks
        ]
        missing[well] = [(network, key) for network, key in keyed if not network.shelf.keeps(well, key)]
        if not missing[well]:
            advance(len(frames), kept=True)
    return missing


def write_well(
    frames: Sequence[Frame],
    batches: Iterable[Batch],
    missing: Sequence[tuple[Network, str]],
    made: Iterator[tuple[NDArray[np.uint8], Shape]],
    um_per_px: float | None,
    advance: Advance,
) -> None:
    """Write the stack of each network of the well with these frames, whose scale is `um_per_px`, if that is known.

    `made` gives the masks of each batch by each network in turn, and the shape of the frames.
    """
    well, times = frames[0].well, [frame.time_int for frame in frames]
    first = next(made)
    made, scale = chain([first], made), qc_scale(um_per_px, first[1])
    with ExitStack() as opened:
        writers = []
        for network, key in missing:
            draft = opened.enter_context(network.shelf.making(well, key))
            writers.append((opened.enter_context(stacks.writing(draft(f"{well}.tif"), times, scale)), key))
        for batch in batches:
            for write, key in writers:
                for frame, mask in zip(batch.frames, next(made)[0], strict=True):
                    write(stacks.Page(stacks.PageTag(frame.time_int, frame.xxh3_128, key), mask))
            advance(len(batch.frames))


@click.command("qc_masks", cls=StageCommand)
@click.argument("experiment")
def main(experiment: str) -> None:
    """Make EXPERIMENT's masks with the five networks."""
    settings = params.read()
    settings.experiment(experiment)
    qc = settings.block("qc_masks", QcSettings)
    manifest = images_manifest.read(layout.images_manifest(experiment))
    names = qc.models.names()
    models = {name: mask_models.load(layout.MODELS / name) for name in names}
    known = [name for name, model in models.items() if model.knows(manifest.plate.microscopes)]
    made_from = {
        "version": settings.version("qc_masks"),
        "threshold": qc.threshold,
        "um_per_px": manifest.plate.um_per_px,
    }
    with (
        kept_stacks.gathering([layout.predictions(name, experiment) for name in names]) as shelves,
        watching(f"qc_masks {experiment}", manifest.counts.frames) as advance,
    ):
        networks = [
            Network(models[name].network, shelf, keys.model(layout.MODELS / name))
            for name, shelf in zip(names, shelves, strict=True)
            if name in known
        ]
        make_masks(layout.FRAMES / experiment, manifest, networks, made_from, advance)
    note(f"{experiment}: {len(known)} masks of each of {manifest.counts.frames} frames")
    if unknown := [name for name in names if name not in known]:
        plate = ", ".join(manifest.plate.microscopes) or "no microscope that its table names"
        note(f"warning: no masks by {', '.join(unknown)}, which were not trained on plates of {plate}")


if __name__ == "__main__":
    main()
