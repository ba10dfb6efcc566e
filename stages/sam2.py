"""Stage `sam2`: the embryos of every frame as label images, tracked over a well, and a table of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pandas as pd
from skimage.measure import label, regionprops

from morphseq_manifest import ids, images_manifest, params
from morphseq_manifest.console import note
from morphseq_manifest.images_manifest import Frame
from stages import layout, stacks, tables
from stages.command import StageCommand
from stages.frames import read_frame
from stages.labels import Labels
from stages.segmented import Segmented
from stages.segmenters import Segmenter, load

COLUMNS = (
    "image_id",
    "embryo_id",
    "snip_id",
    "frame_index",
    "area_px",
    "bbox_x_min",
    "bbox_y_min",
    "bbox_x_max",
    "bbox_y_max",
    "mask_confidence",
    "exported_mask_path",
    "experiment_id",
    "video_id",
    "is_seed_frame",
    "well",
    "time_int",
    "sam2_qc_flags",
)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `sam2`: what makes a mask odd (areas as a share of the frame, changes as one of the mean)."""

    area_change: float
    edge_px: int
    large_mask: float
    small_mask: float


def shape_flags(labels: Labels, settings: Settings) -> dict[int, list[str]]:
    """What is odd about each embryo of one label image, uint8 (H, W), seen by itself: flags by value."""
    height, width = labels.shape
    edge = settings.edge_px
    flags = {}
    for region in regionprops(labels):
        top, left, bottom, right = region.bbox
        on_edge = min(top, left, height - bottom, width - right) < edge
        share = region.area / labels.size
        odd = {
            "MASK_ON_EDGE": on_edge,
            "LARGE_MASK": share > settings.large_mask,
            "SMALL_MASK": share < settings.small_mask,
            "DISCONTINUOUS_MASK": label(region.image, connectivity=2).max() > 1,
        }
        flags[region.label] = [name for name, is_odd in odd.items() if is_odd]
    return flags


def area_jumps(areas: list[int], change: float) -> list[bool]:
    """Which of an embryo's areas differ by more than `change` from the mean of the two before, or of the two after."""

    def far(area: int, others: list[int]) -> bool:
        mean = sum(others) / 2
        return len(others) == 2 and abs(area - mean) > change * mean

    return [far(area, areas[max(i - 2, 0) : i]) or far(area, areas[i + 1 : i + 3]) for i, area in enumerate(areas)]


def embryo_rows(
    experiment: str, frame: Frame, index: int, found: Segmented, settings: Settings
) -> Iterator[dict[str, Any]]:
    """A row for each embryo of one segmented frame, the `index`-th of its well, with the flags it has by itself."""
    height, width = found.labels.shape
    flags = shape_flags(found.labels, settings)
    for region in regionprops(found.labels):
        top, left, bottom, right = region.bbox
        yield {
            "image_id": ids.image_id(experiment, frame.well, frame.time_int),
            "embryo_id": ids.embryo_id(experiment, frame.well, region.label),
            "snip_id": ids.snip_id(experiment, frame.well, region.label, frame.time_int),
            "frame_index": index,
            "area_px": int(region.area),
            "bbox_x_min": left / width,
            "bbox_y_min": top / height,
            "bbox_x_max": right / width,
            "bbox_y_max": bottom / height,
            "mask_confidence": round(found.confidence[region.label], 6),
            "exported_mask_path": (layout.LABELS / experiment / f"{frame.well}.tif")
            .relative_to(layout.DATA)
            .as_posix(),
            "experiment_id": experiment,
            "video_id": f"{experiment}_{frame.well}",
            "is_seed_frame": found.is_seed,
            "well": frame.well,
            "time_int": frame.time_int,
            "sam2_qc_flags": flags[region.label],
        }


def finish_table(rows: list[dict[str, Any]], settings: Settings) -> pd.DataFrame:
    """The rows of an experiment, in snip_id order, with flags for areas that jump, and all flags joined by `|`."""
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("snip_id", ignore_index=True)
    jumping: set[Any] = set()
    for _, embryo in table.sort_values("time_int").groupby("embryo_id"):
        jumps = area_jumps(embryo["area_px"].tolist(), settings.area_change)
        jumping.update(row for row, jump in zip(embryo.index, jumps, strict=True) if jump)
    table["sam2_qc_flags"] = [
        "|".join(["HIGH_SEGMENTATION_VAR_SNIP", *flags] if row in jumping else flags)
        for row, flags in table["sam2_qc_flags"].items()
    ]
    return table


def segment_well(
    experiment: str, frames: list[Frame], segmenter: Segmenter, settings: Settings, folder: Path
) -> Iterator[dict[str, Any]]:
    """Segment one well's frames, write its label stack into `folder`, and yield its rows."""
    images = (read_frame(layout.FRAMES / experiment, frame) for frame in frames)
    with stacks.writing(folder / f"{frames[0].well}.tif") as append:
        for index, (frame, found) in enumerate(zip(frames, segmenter.segment(images), strict=True)):
            append(stacks.Page(stacks.PageTag(frame.time_int, frame.xxh3_128), found.labels))
            yield from embryo_rows(experiment, frame, index, found, settings)


@click.command("sam2", cls=StageCommand)
@click.argument("experiment")
@click.option(
    "--segmenter", "name", required=True, help="The model folder, under data/segmentation/segmentation_models."
)
def main(experiment: str, name: str) -> None:
    """Find and track EXPERIMENT's embryos."""
    settings = params.read().block("sam2", Settings)
    manifest = images_manifest.read(layout.images_manifest(experiment))
    segmenter = load(layout.MODELS / name)
    rows: list[dict[str, Any]] = []
    with stacks.replacing_folders([layout.LABELS / experiment]) as (folder,):
        for frames in manifest.by_well().values():
            rows.extend(segment_well(experiment, frames, segmenter, settings, folder))
        tables.write(layout.sam2_table(experiment), finish_table(rows, settings))
    note(f"{experiment}: {len(rows)} embryos in {manifest.counts.frames} frames")


if __name__ == "__main__":
    main()
