"""Stage `snips`: cuts out each embryo in each frame, upright at a fixed scale, its background blended into noise."""

import math
from typing import Any, NamedTuple

import click
import numpy as np
import xxhash
from numpy.typing import NDArray

from morphseq_manifest.base.console import note
from morphseq_manifest.base.prefetch import ahead
from morphseq_manifest.base.progress import Advance, watching
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.ids import embryo_id, snip_id
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame, ImagesManifest
from morphseq_manifest.cohort.params import Params
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, plates, stacks
from stages.files.frames import read_frame
from stages.files.labels import check_shape, read_labels, read_mask
from stages.imaging import geometry
from stages.imaging.alignment import (
    SNIP_SIZE,
    UPRIGHT,
    Pose,
    angle,
    find_pose,
    inside,
    sampling,
    soft_mask,
    warp,
)
from stages.imaging.arrays import Grey, Mask, Slices
from stages.imaging.embryo_box import boxes
from stages.imaging.equalisation import equalise
from stages.imaging.geometry import Chorion, in_chorion, perimeter
from stages.imaging.qc_frame import QC_SIZE, from_qc
from stages.imaging.snip_settings import SnipSettings
from stages.networks.qc_networks import QcSettings
from stages.reuse import kept_stacks, keys
from stages.reuse.kept_stacks import Shelf

NO_YOLK = np.zeros(QC_SIZE, np.uint8)


def noise(name: str, mean: float, sd: float) -> NDArray[np.float32]:
    """Background noise of a snip, seeded by its id: normal, cut off at 0, in grey levels. Float32 (576, 256)."""
    generator = np.random.Generator(np.random.SFC64(xxhash.xxh3_64_intdigest(name.encode())))
    levels = generator.standard_normal(SNIP_SIZE, np.float32)
    lowest = np.float32(-mean / sd)
    # Levels below are drawn again: clipping would heap them up at 0.
    while len(low := np.flatnonzero(levels < lowest)):
        levels.flat[low] = generator.standard_normal(len(low), np.float32)
    return levels * np.float32(sd) + np.float32(mean)


def make_snip(
    name: str, grey: Grey, mask: Mask, pose: Pose, box: Slices, scale: tuple[float, float], settings: SnipSettings
) -> Grey:
    """The snip of one embryo, uint8 (576, 256).

    `grey` is the frame, uint8 (H, W); `mask`, bool (h, w), are the embryo's pixels in the `box` of it that the embryo
    lies in; `scale` is um per px (across, down). The crop is centred on the embryo, its `pose` up; its contrast is
    equalised, and what is not embryo fades into noise over a Gaussian of `blend_um`.
    """
    where = sampling(pose, scale, settings.um_per_px)
    equalised = equalise(warp(grey, where))
    weight = soft_mask(mask, where, box, settings.blend_um / settings.um_per_px)
    background = noise(name, settings.noise_mean, settings.noise_sd)
    snip: Grey = np.clip(np.rint(background + weight * (equalised - background)), 0, 255).astype(np.uint8)
    return snip


def pose_of(mask: Mask, yolk: Mask, box: Slices, scale: tuple[float, float], chorion: Chorion) -> Pose:
    """How an embryo's snip is to be cut, of masks as make_snip has them: yolk end up, but an egg as it lies."""
    across, down = scale
    area, outline = np.count_nonzero(mask) * across * down, perimeter(mask) * math.sqrt(across * down)
    pose = find_pose(mask, yolk, scale, box)
    return pose._replace(up=UPRIGHT) if in_chorion(area, outline, chorion) else pose


class Cutting(NamedTuple):
    """What params.yaml says that a snip depends on: the block `snips`, what a chorion is, the network of the yolk."""

    snips: SnipSettings
    chorion: Chorion
    yolk_network: str


def cutting(settings: Params) -> Cutting:
    """What these settings say of it."""
    chorion = settings.block("build03", geometry.Settings).chorion
    return Cutting(settings.block("snips", SnipSettings), chorion, settings.block("qc_masks", QcSettings).models.yolk)


def well_of(file: str) -> str:
    """The well of a snip stack, `{experiment}_{well}_e{NN}.tif`; of any other file, none."""
    parts = file.rsplit("_", 2)
    return parts[1] if len(parts) == 3 else ""


def well_snips(
    manifest: ImagesManifest,
    frames: list[Frame],
    scales: plates.Scales,
    by: Cutting,
    key: str,
) -> dict[str, list[stacks.Page]]:
    """The snips of one well, each embryo_id's pages in time order, with their key; none of frames without a scale."""
    experiment, well = manifest.experiment, frames[0].well
    own, chorion, yolk_network = by
    folder, seen_by = layout.LABELS / experiment, layout.predictions(yolk_network, experiment)
    snips: dict[str, list[stacks.Page]] = {}
    with (
        stacks.open_stack(folder, well) as labels,
        stacks.open_stack(seen_by, well, mask=True) as yolks,
    ):
        for frame in frames:
            label, scale = read_labels(labels, well, frame.time_int, folder), scales.get((well, frame.time_int))
            embryo_boxes = boxes(label)
            if scale is None or not embryo_boxes:
                continue
            grey = read_frame(layout.FRAMES / experiment, manifest.reading, frame)
            check_shape(label, frame, grey.shape, folder)
            yolk = read_mask(yolks, well, frame.time_int, seen_by)
            for embryo, box in embryo_boxes.items():
                name = snip_id(experiment, well, embryo, frame.time_int)
                seen = from_qc(NO_YOLK if yolk is None else yolk, label.shape, box) > 0
                mask = label[box] == embryo
                pose = pose_of(mask, seen, box, scale, chorion)
                cut = stacks.Cut(own.um_per_px, angle(pose), inside(mask, box, sampling(pose, scale, own.um_per_px)))
                tag = stacks.PageTag(frame.time_int, frame.xxh3_128, key, cut=cut)
                snip = make_snip(name, grey, mask, pose, box, scale, own)
                snips.setdefault(embryo_id(experiment, well, embryo), []).append(stacks.Page(tag, snip))
    return snips


def well_key(
    experiment: str, frames: list[Frame], scales: plates.Scales, yolk_network: str, made_from: dict[str, Any]
) -> str:
    """The key of a well's snips. Raises UnreadableError naming what can't be read."""
    well = frames[0].well
    return keys.key(
        "snips",
        **made_from,
        frames=keys.frames(frames),
        scales=[scales.get((well, frame.time_int)) for frame in frames],
        labels=stacks.content(layout.LABELS / experiment, well),
        yolks=stacks.content(layout.predictions(yolk_network, experiment), well),
    )


def make_snips(
    experiment: str, manifest: ImagesManifest, settings: Params, scales: plates.Scales, shelf: Shelf, advance: Advance
) -> None:
    """Make the stacks of all wells that are not there yet, two wells at a time."""
    by = cutting(settings)
    made_from = {
        "version": settings.version("snips"),
        "settings": by.snips,
        "chorion": by.chorion,
        "reading": manifest.reading,
    }
    missing = []
    for well, frames in manifest.by_well().items():
        key = well_key(experiment, frames, scales, by.yolk_network, made_from)
        if shelf.keeps(well, key):
            advance(len(frames), kept=True)
        else:
            missing.append((well, frames, key))
    made = ahead(lambda item: well_snips(manifest, item[1], scales, by, item[2]), missing)
    for (well, frames, key), snips in zip(missing, made, strict=True):
        with shelf.making(well, key) as draft:
            for name, pages in snips.items():
                stacks.write_stack(draft(f"{name}.tif"), pages, by.snips.um_per_px)
        advance(len(frames))


@click.command("snips", cls=StageCommand)
@click.argument("experiment")
def main(experiment: str) -> None:
    """Cut EXPERIMENT's snips out of its frames."""
    settings = params.read()
    settings.experiment(experiment)
    manifest = images_manifest.read(layout.images_manifest(experiment))
    table = layout.plate_table(experiment)
    scales = plates.scales(plates.read_plate(table, experiment), table)
    with (
        kept_stacks.gathering([layout.SNIPS / experiment], well_of) as (shelf,),
        watching(f"snips {experiment}", manifest.counts.frames) as advance,
    ):
        make_snips(experiment, manifest, settings, scales, shelf, advance)
        cut = sum(len(stacks.read_tags(path)) for path in shelf.stacks())
    unscaled = sum((frame.well, frame.time_int) not in scales for frame in manifest.frames)
    note(f"{experiment}: {cut} snips; {unscaled} frames have none, since their plate table gives no scale")


if __name__ == "__main__":
    main()
