"""Stage `sam2`: finds the embryos of every frame, tracks them over a well, and lists them in a table."""

import math
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
import pandas as pd
from scipy import ndimage

from morphseq_manifest.base.console import note
from morphseq_manifest.base.prefetch import ahead
from morphseq_manifest.base.progress import Advance, watching
from morphseq_manifest.cohort import columns, ids, params
from morphseq_manifest.cohort.columns import Source
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame, ImagesManifest
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, stacks, tables
from stages.files.frames import read_frame
from stages.files.stacks import EmbryoTag, PageTag
from stages.imaging.appearance import appearance
from stages.imaging.arrays import Grey, Labels, Slices
from stages.imaging.embryo_box import boxes
from stages.imaging.share import Share
from stages.reuse import kept_stacks, keys
from stages.segmentation.scale import ASSUMED_UM
from stages.segmentation.segmenters import Segmenter, load

# What a page says of itself, and its shape.
TagAndShape = tuple[PageTag, tuple[int, ...]]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `sam2`: what makes a mask odd.

    Its area changes by more than `area_change` of the mean, its largest piece lies nearer than `edge_um` to the frame's
    edge, it is larger than `large_um2` or smaller than `small_um2`, or its second piece has more than `piece_share` of
    the largest one's area.
    """

    area_change: float
    edge_um: float
    large_um2: float
    small_um2: float
    piece_share: Share


def describe(
    grey: Grey, labels: Labels, confidence: dict[int, float], um_per_px: float | None
) -> tuple[EmbryoTag, ...]:
    """The embryos of one frame and its label image, both uint8 (H, W), measured; `confidence` is by value."""
    embryos = []
    for value, box in boxes(labels).items():
        pieces, count = ndimage.label(labels[box] == value, np.ones((3, 3)))
        areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
        first, second, *_ = [*sorted(areas.tolist(), reverse=True), 0]
        largest = ndimage.find_objects(pieces)[int(areas.argmax())]
        place = _corners(box, (0, 0))
        own = _corners(largest, place[:2])
        sure = round(confidence[value], 6)
        look = appearance(grey, labels, value, box, um_per_px)
        bright, sharp = float(f"{look.brightness:.6g}"), look.sharpness and float(f"{look.sharpness:.6g}")
        embryos.append(EmbryoTag(value, int(areas.sum()), place, own, (first, second), sure, bright, sharp))
    return tuple(embryos)


def _corners(box: Slices, origin: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box's top, left, bottom and right, of a part of the frame that begins at `origin`."""
    (rows, columns), (top, left) = box, origin
    return top + rows.start, left + columns.start, top + rows.stop, left + columns.stop


def shape_flags(embryo: EmbryoTag, shape: tuple[int, ...], um_per_px: float | None, settings: Settings) -> list[str]:
    """What is odd about an embryo of a frame of `shape` (H, W), seen by itself.

    Without a scale, no limit in um can be told: only a mask that touches the edge is known to be on it.
    """
    top, left, bottom, right = embryo.largest
    height, width = shape
    gap = min(top, left, height - bottom, width - right)
    first, second = embryo.pieces
    scale = math.nan if um_per_px is None else um_per_px
    odd = {
        "MASK_ON_EDGE": gap == 0 or gap * scale < settings.edge_um,
        "LARGE_MASK": embryo.area * scale**2 > settings.large_um2,
        "SMALL_MASK": embryo.area * scale**2 < settings.small_um2,
        "DISCONTINUOUS_MASK": second > settings.piece_share * first,
    }
    return [name for name, is_odd in odd.items() if is_odd]


def area_jumps(areas: list[int], change: float) -> list[bool]:
    """Which of an embryo's areas differ by more than `change` from the mean of the two before, or of the two after."""

    def far(area: int, others: list[int]) -> bool:
        mean = sum(others) / 2
        return len(others) == 2 and abs(area - mean) > change * mean

    return [far(area, areas[max(i - 2, 0) : i]) or far(area, areas[i + 1 : i + 3]) for i, area in enumerate(areas)]


def finish_table(rows: list[dict[str, Any]], settings: Settings) -> pd.DataFrame:
    """The rows of an experiment, in snip_id order, with flags for areas that jump, and all flags joined by `|`."""
    table = pd.DataFrame(rows, columns=columns.names(Source.SAM2)).sort_values("snip_id", ignore_index=True)
    table = table.astype({"brightness": np.float64, "sharpness": np.float64})
    jumping: set[Any] = set()
    for _, embryo in table.sort_values("time_int").groupby("embryo_id"):
        jumps = area_jumps(embryo["area_px"].tolist(), settings.area_change)
        jumping.update(row for row, jump in zip(embryo.index, jumps, strict=True) if jump)
    table["sam2_qc_flags"] = [
        "|".join(["HIGH_SEGMENTATION_VAR_SNIP", *flags] if row in jumping else flags)
        for row, flags in table["sam2_qc_flags"].items()
    ]
    return table


def well_rows(
    manifest: ImagesManifest, well: str, pages: list[TagAndShape], settings: Settings
) -> Iterator[dict[str, Any]]:
    """A row for each embryo and frame of a well, from the tags of its label stack, with the flags it has by itself."""
    experiment = manifest.experiment
    for index, (tag, shape) in enumerate(pages):
        height, width = shape
        for embryo in tag.embryos:
            top, left, bottom, right = embryo.box
            yield {
                "image_id": ids.image_id(experiment, well, tag.time_int),
                "embryo_id": ids.embryo_id(experiment, well, embryo.value),
                "snip_id": ids.snip_id(experiment, well, embryo.value, tag.time_int),
                "frame_index": index,
                "area_px": embryo.area,
                "bbox_x_min": left / width,
                "bbox_y_min": top / height,
                "bbox_x_max": right / width,
                "bbox_y_max": bottom / height,
                "mask_confidence": embryo.confidence,
                "exported_mask_path": (layout.LABELS / experiment / f"{well}.tif").relative_to(layout.DATA).as_posix(),
                "experiment_id": experiment,
                "video_id": f"{experiment}_{well}",
                "is_seed_frame": tag.is_seed,
                "well": well,
                "time_int": tag.time_int,
                "brightness": embryo.brightness,
                "sharpness": embryo.sharpness,
                "sam2_qc_flags": shape_flags(embryo, shape, manifest.plate.um_per_px, settings),
            }


def is_filled(tag: PageTag, shape: tuple[int, ...]) -> bool:
    """Whether one mask is more than half of a frame of `shape` (H, W): it is the background, or the well's wall."""
    return any(2 * embryo.area > shape[0] * shape[1] for embryo in tag.embryos)


def warnings(manifest: ImagesManifest, empty: int, filled: list[str]) -> Iterator[str]:
    """What is odd about a plate as a whole; `empty` frames show no embryo, those named in `filled` are one mask."""
    frames = manifest.counts.frames
    if manifest.plate.um_per_px is None:
        yield (
            "the plate table gives no scale (Width and Height in um and px): LARGE_MASK, SMALL_MASK and, unless a mask "
            "touches it, MASK_ON_EDGE are not known, and a segmenter that goes by um takes the shorter side of a frame "
            f"to be {ASSUMED_UM:,.0f} um"
        )
    if 2 * empty > frames:
        yield f"{empty} of {frames} frames show no embryo. Look at some: does the segmenter fit, and the plate's scale?"
    if filled:
        yield (
            f"in {len(filled)} of {frames} frames one mask fills more than half of the frame, first in {filled[0]}. "
            "Look at it: is it dark field (`polarity`), or is the well's wall in sight?"
        )


def segment_well(
    manifest: ImagesManifest, frames: list[Frame], segmenter: Segmenter, stack: Path, key: str, advance: Advance
) -> None:
    """Segment one well's frames and write its label stack; the next frames are read meanwhile."""
    images = ahead(partial(read_frame, layout.FRAMES / manifest.experiment, manifest.reading), frames)
    given: deque[Grey] = deque()

    def giving() -> Iterator[Grey]:
        for grey in images:
            given.append(grey)
            yield grey

    um_per_px = manifest.plate.um_per_px
    found = segmenter.segment(giving(), um_per_px)
    scale = None if um_per_px is None else (um_per_px, um_per_px)
    with stacks.writing(stack, [frame.time_int for frame in frames], scale) as append:
        for frame, segmented in zip(frames, found, strict=True):
            embryos = describe(given.popleft(), segmented.labels, segmented.confidence, um_per_px)
            tag = stacks.PageTag(frame.time_int, frame.xxh3_128, key, embryos, segmented.is_seed)
            append(stacks.Page(tag, segmented.labels))
            advance(1)


@click.command("sam2", cls=StageCommand)
@click.argument("experiment")
@click.option(
    "--segmenter", "name", required=True, help="The model folder, under data/segmentation/segmentation_models."
)
def main(experiment: str, name: str) -> None:
    """Find and track EXPERIMENT's embryos."""
    settings = params.read()
    flags = settings.block("sam2", Settings)
    manifest = images_manifest.read(layout.images_manifest(experiment))
    folder = layout.MODELS / name
    segmenter = load(folder)
    made_from: dict[str, Any] = {
        "version": settings.version("sam2"),
        "model": keys.model(folder),
        "reading": manifest.reading,
        "um_per_px": manifest.plate.um_per_px,
    }
    empty, filled = 0, list[str]()
    rows: list[dict[str, Any]] = []
    with (
        kept_stacks.gathering([layout.LABELS / experiment]) as (shelf,),
        watching(f"sam2 {experiment}", manifest.counts.frames) as advance,
    ):
        for well, frames in manifest.by_well().items():
            key = keys.key("sam2", **made_from, frames=keys.frames(frames))
            if shelf.keeps(well, key):
                advance(len(frames), kept=True)
            else:
                with shelf.making(well, key) as draft:
                    segment_well(manifest, frames, segmenter, draft(f"{well}.tif"), key, advance)
            # What the pages say of themselves: a stack that was kept need not be decoded.
            pages = stacks.read_tags(shelf.partial / f"{well}.tif")
            rows.extend(well_rows(manifest, well, pages, flags))
            empty += sum(not tag.embryos for tag, _ in pages)
            filled += [f"{well}, frame {tag.time_int}" for tag, shape in pages if is_filled(tag, shape)]
        tables.write(layout.sam2_table(experiment), finish_table(rows, flags))
    for warning in warnings(manifest, empty, filled):
        note(f"warning: {experiment}: {warning}")
    note(f"{experiment}: {len(rows)} embryos in {manifest.counts.frames} frames")


if __name__ == "__main__":
    main()
