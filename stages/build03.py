"""Stage `build03`: builds what an experiment adds to df01: geometry, stage, quality and plate data of each embryo."""

from contextlib import ExitStack
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.prefetch import ahead
from morphseq_manifest.base.progress import watching
from morphseq_manifest.cohort import columns, params
from morphseq_manifest.cohort.columns import Source
from morphseq_manifest.cohort.ids import image_id
from morphseq_manifest.cohort.row_keys import FRAME_KEY, KEY
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, plates, stacks, tables, well_tables
from stages.files.labels import read_labels, read_mask
from stages.imaging import course
from stages.imaging.embryo_box import boxes
from stages.imaging.geometry import Outline, QcMasks, Quality, Settings, Shape, judge, measure, outline
from stages.networks.qc_networks import Networks, QcSettings

# The columns of this stage's own, after the key.
OWN = tuple(column for column in columns.of(Source.BUILD03) if column.name not in KEY)
# Without these columns of the sam2 table nothing can be told of an embryo.
_NEEDED = ("embryo_id", "snip_id", "area_px", "experiment_id", *FRAME_KEY, "sam2_qc_flags")
Measured = tuple[Shape, Quality, Outline]
NOWHERE = (slice(0, 0), slice(0, 0))
_SHOWN = 10


def predicted_stage(
    start_age_hpf: NDArray[np.float64], seconds: NDArray[np.float64], temperature: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Developmental stage in hpf from age, elapsed time (s) and temperature (degC); NaN if one is not known.

    Kimmel et al. 1995: development goes 0.055 T - 0.57 times as fast as at 28.5 degC.
    """
    return start_age_hpf + seconds / 3600 * (0.055 * temperature - 0.57)


def join_plate(embryos: pd.DataFrame, plate: pd.DataFrame) -> pd.DataFrame:
    """The sam2 table's rows with their frame's plate columns, as text; blank if the plate has no such row.

    The plate's own `experiment_date` gives way to the experiment's id.
    """
    added = [name for name in plate.columns if name in FRAME_KEY or name not in {*embryos.columns, "experiment_date"}]
    return embryos.merge(plate[added], on=list(FRAME_KEY), how="left", validate="many_to_one").fillna("")


def flagged_wells(plate: pd.DataFrame, path: Path) -> set[str]:
    """The wells with a row whose well_qc_flag is neither 0 nor blank."""
    values = tables.numbers(plate, "well_qc_flag", path)
    return set(plate["well"][~np.isnan(values) & (values != 0)])


def stage_status(given: dict[str, NDArray[np.float64]]) -> list[str]:
    """By row, where its stage comes from: `clock`, or what is not `given` (NaN), joined by `|`."""
    missing = pd.DataFrame({f"no {name}": np.isnan(values) for name, values in given.items()})
    return ["|".join(missing.columns[row]) or "clock" for row in missing.to_numpy()]


def other_count(table: pd.DataFrame) -> pd.Series:
    """1 in rows of frames that show another number of embryos than `embryos_per_well`, NaN if that is not a number."""
    if "embryos_per_well" not in table.columns:
        return pd.Series(np.nan, index=table.index)
    given = pd.to_numeric(table["embryos_per_well"], errors="coerce")
    shown = table.groupby(["well", "time_int"])["snip_id"].transform("size")
    return (shown != given).astype(float).where(given.notna())


def course_of(table: pd.DataFrame, brightness: NDArray[np.float64], settings: Settings) -> pd.DataFrame:
    """`darkening` and, by it, `dark_flag` of each row, as stages.imaging.course has them; float64."""
    seen = pd.DataFrame({"embryo_id": table["embryo_id"], "time_int": table["time_int"], "brightness": brightness})
    seen["hours"] = pd.to_numeric(table["Time Rel (s)"], errors="coerce") / 3600
    found = pd.DataFrame(np.nan, index=table.index, columns=["darkening", "dark_flag"])
    for _, embryo in seen.sort_values("time_int").groupby("embryo_id"):
        hours, bright = embryo["hours"].to_numpy(np.float64), embryo["brightness"].to_numpy(np.float64)
        lost = course.darkening(hours, bright, settings.darkening_h)
        found.loc[embryo.index, "darkening"] = lost
        found.loc[embryo.index, "dark_flag"] = course.darkened(lost, bright, settings.max_darkening)
    return found


def own_columns(table: pd.DataFrame, measured: list[Measured], path: Path, settings: Settings) -> pd.DataFrame:
    """What this stage says of the rows of `table` (text, plate columns read from `path`), as text; a row a measure."""
    values = pd.DataFrame(
        [(*shape, *quality, *outline) for shape, quality, outline in measured],
        columns=[*Shape._fields, *Quality._fields, *Outline._fields],
        index=table.index,
    )
    ages = {name: tables.numbers(table, name, path) for name in ("start_age_hpf", "Time Rel (s)", "temperature")}
    bright, sharp = (
        tables.numbers(table, name, path) if name in table.columns else np.full(len(table), np.nan)
        for name in ("brightness", "sharpness")
    )
    seen = course_of(table, bright, settings)
    blurred = pd.Series(sharp < settings.focus_min, table.index).astype(float).where(~np.isnan(sharp))
    values = values.assign(
        surface_area_um=values["area_um2"],
        scale_missing_flag=values["area_um2"].isna(),
        predicted_stage_hpf=predicted_stage(*ages.values()),
        sam2_qc_flag=table["sam2_qc_flags"] != "",
        darkening=seen["darkening"],
        # If no network knows the plate, the frames themselves are asked.
        dead_flag=values["dead_flag"].fillna(seen["dark_flag"]),
        focus_flag=values["focus_flag"].fillna(blurred),
        count_flag=other_count(table),
    )
    texts = {
        column.name: tables.format_column(values[column.name].to_numpy(np.float64), column.dtype)
        for column in OWN
        if column.name in values
    }
    texts["stage_status"] = stage_status(ages)
    return pd.DataFrame(texts, index=table.index, dtype=str)[[column.name for column in OWN]]


def measure_well(
    experiment: str, rows: pd.DataFrame, scales: plates.Scales, networks: Networks, settings: Settings
) -> list[Measured]:
    """Geometry and quality of one well's embryos, in the order of `rows` (columns well, time_int, embryo, area_px)."""
    well = rows["well"].iloc[0]
    folder = layout.LABELS / experiment
    measured = []
    with ExitStack() as opened:
        labels = opened.enter_context(stacks.open_stack(folder, well))
        places = [
            layout.predictions(name, experiment)
            for name in (networks.dead, networks.yolk, networks.focus, networks.bubble)
        ]
        qc = [(place, opened.enter_context(stacks.open_stack(place, well, mask=True))) for place in places]
        for time_int in rows["time_int"].unique().tolist():
            frame = rows[rows["time_int"] == time_int]
            label = read_labels(labels, well, time_int, folder)
            masks = QcMasks(*(read_mask(pages, well, time_int, place) for place, pages in qc))
            scale = scales.get((well, time_int), (np.nan, np.nan))
            um_per_px = float(np.sqrt(scale[0] * scale[1]))
            embryo_boxes = boxes(label)
            for embryo, area in zip(frame["embryo"], frame["area_px"], strict=True):
                box = embryo_boxes.get(embryo, NOWHERE)
                mask = label[box] == embryo
                if not mask.any() or np.count_nonzero(mask) != area:
                    raise ContentError(
                        f"{folder}: embryo {embryo} of well {well}, frame {time_int}, has {np.count_nonzero(mask)} px, "
                        f"the sam2 table says {area:g}. Run sam2 again"
                    )
                shape = measure(mask, box, scale)
                quality = judge(mask, box, label.shape, masks, um_per_px, settings)
                measured.append((shape, quality, outline(shape, label, embryo, box, settings.chorion)))
    return measured


def measure_embryos(
    experiment: str, embryos: pd.DataFrame, scales: plates.Scales, networks: Networks, settings: Settings
) -> list[Measured]:
    """Geometry and quality of every embryo of the sam2 table, in its order; the next wells are measured meanwhile."""
    keyed = embryos[["well", "time_int", "area_px"]].assign(
        embryo=np.array([int(name.rpartition("_e")[2]) for name in embryos["embryo_id"]], np.int64)
    )
    wells = [rows.sort_values(["time_int", "embryo"]) for _, rows in keyed.groupby("well")]
    measuring = ahead(lambda rows: measure_well(experiment, rows, scales, networks, settings), wells)
    measured: dict[int, Measured] = {}
    with watching(f"build03 {experiment}", len(keyed), "embryos") as advance:
        for rows, well in zip(wells, measuring, strict=True):
            measured.update(zip(rows.index, well, strict=True))
            advance(len(rows))
    return [measured[row] for row in embryos.index]


def other_counts(embryos: pd.DataFrame, plate: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """(embryos the plate table gives the well, most that were found in a frame) of each well in which these differ.

    `embryos` is the sam2 table, `plate` the plate table, of which other cells than whole numbers say nothing.
    """
    if "embryos_per_well" not in plate.columns:
        return {}
    found = embryos.groupby(["well", "time_int"]).size().groupby("well").max()
    differing = {}
    for well, cells in plate.groupby("well")["embryos_per_well"]:
        given, seen = {int(cell) for cell in cells if cell.isdecimal()}, int(found.get(well, 0))
        if len(given) == 1 and given != {seen}:
            differing[str(well)] = (given.pop(), seen)
    return differing


def read_embryos(path: Path, experiment: str) -> pd.DataFrame:
    """The sam2 table of an experiment: the columns of that stage, as text, but integer `time_int` and float `area_px`.

    Those of the lab's own runs have more columns, the plate's among them, which are left to the plate table; areas
    such as `8455.0`; and image_ids with a channel, which get the one form. Raises as tables.numbers does.
    """
    embryos = tables.read_text(path)
    tables.require(embryos, _NEEDED, path)
    embryos = embryos[[name for name in columns.names(Source.SAM2) if name in embryos.columns]].copy()
    embryos["time_int"] = tables.numbers(embryos, "time_int", path).astype(np.int64)
    embryos["area_px"] = tables.numbers(embryos, "area_px", path)
    frames = zip(embryos["well"], embryos["time_int"], strict=True)
    embryos["image_id"] = [image_id(experiment, well, time_int) for well, time_int in frames]
    return embryos


def build_table(
    experiment: str, embryos: pd.DataFrame, plate: pd.DataFrame, networks: Networks, settings: Settings
) -> pd.DataFrame:
    """The experiment's rows, in snip_id order, all as text.

    `embryos` is the sam2 table, `plate` the plate table, both as text but for an integer time_int.
    """
    path = layout.plate_table(experiment)
    left_out = flagged_wells(plate, path)
    embryos = embryos[~embryos["well"].isin(left_out)].sort_values("snip_id", ignore_index=True)
    table = join_plate(embryos.drop(columns=["experiment_id"]), plate)
    table.insert(0, "experiment_date", experiment)
    measured = measure_embryos(experiment, embryos, plates.scales(plate, path), networks, settings)
    whole = pd.concat([tables.as_text(table), own_columns(table, measured, path, settings)], axis=1)
    return whole[[*KEY, *(name for name in whole.columns if name not in KEY)]]


@click.command("build03", cls=StageCommand)
@click.argument("experiment")
def main(experiment: str) -> None:
    """Build what EXPERIMENT adds to df01."""
    settings = params.read()
    settings.experiment(experiment)
    said = well_tables.read(experiment)
    plate = well_tables.join(plates.read_plate(layout.plate_table(experiment), experiment), said, experiment)
    embryos = read_embryos(layout.sam2_table(experiment), experiment)
    networks = settings.block("qc_masks", QcSettings).models
    table = build_table(experiment, embryos, plate, networks, settings.block("build03", Settings))
    tables.write(layout.build03_table(experiment), table)
    unstaged = int((table["predicted_stage_hpf"] == "").sum())
    if others := other_counts(embryos, plate):
        told = [f"{well} ({given} given, {seen} found)" for well, (given, seen) in others.items()]
        more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        note(f"{experiment}: not as many embryos as embryos_per_well says: {', '.join(told[:_SHOWN])}{more}")
    note(f"{experiment}: {len(table)} rows of {len(embryos)} embryos found, {unstaged} without a stage")


if __name__ == "__main__":
    main()
