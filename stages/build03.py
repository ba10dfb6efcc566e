"""Stage `build03`: what an experiment adds to df01, a row an embryo and frame: geometry, stage, quality, plate data."""

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
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.manifests.table_rows import KEY as KEY_COLUMNS
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, plates, stacks, tables
from stages.imaging.embryo_box import boxes
from stages.imaging.geometry import QcMasks, Quality, Settings, Shape, judge, measure
from stages.networks.qc_networks import Networks, QcSettings

# What the plate table says of a frame is joined on these; its own `experiment_date` gives way to the id.
FRAME_KEY = ["well", "time_int"]
NOWHERE = (slice(0, 0), slice(0, 0))
FLAGS = ("dead_flag", "frame_flag", "no_yolk_flag", "focus_flag", "bubble_flag")


def predicted_stage(
    start_age_hpf: NDArray[np.float64], seconds: NDArray[np.float64], temperature: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Developmental stage in hpf from age, elapsed time (s) and temperature (degC); NaN where one is not known.

    Kimmel et al. 1995: development goes 0.055 T - 0.57 times as fast as at 28.5 degC.
    """
    return start_age_hpf + seconds / 3600 * (0.055 * temperature - 0.57)


def join_plate(embryos: pd.DataFrame, plate: pd.DataFrame) -> pd.DataFrame:
    """The sam2 table's rows with their frame's plate columns, as text; blank where the plate has no such row."""
    columns = [name for name in plate.columns if name in FRAME_KEY or name not in {*embryos.columns, "experiment_date"}]
    return embryos.merge(plate[columns], on=FRAME_KEY, how="left", validate="many_to_one").fillna("")


def flagged_wells(plate: pd.DataFrame, path: Path) -> set[str]:
    """The wells with a row whose well_qc_flag is neither 0 nor blank."""
    values = tables.numbers(plate, "well_qc_flag", path)
    return set(plate["well"][~np.isnan(values) & (values != 0)])


def measure_well(
    experiment: str, rows: pd.DataFrame, scales: plates.Scales, networks: Networks, settings: Settings
) -> list[tuple[Shape, Quality]]:
    """Geometry and quality of one well's embryos, in the order of `rows` (columns well, time_int, embryo, area_px)."""
    well = rows["well"].iloc[0]
    folder = layout.LABELS / experiment
    measured = []
    with ExitStack() as opened:
        labels = opened.enter_context(stacks.open_stack(folder, well))
        qc = [
            opened.enter_context(stacks.open_stack(layout.predictions(name, experiment), well, mask=True))
            for name in (networks.dead, networks.yolk, networks.focus, networks.bubble)
        ]
        for time_int in rows["time_int"].unique().tolist():
            frame = rows[rows["time_int"] == time_int]
            if time_int not in labels:
                raise ContentError(f"{folder}: well {well} has no labels for frame {time_int}. Run sam2 again")
            label = labels[time_int]()
            masks = QcMasks(*(pages[time_int]() if time_int in pages else None for pages in qc))
            scale = scales.get((well, time_int), (np.nan, np.nan))
            um_per_px = float(np.sqrt(scale[0] * scale[1]))
            found = boxes(label)
            for embryo, area in zip(frame["embryo"], frame["area_px"], strict=True):
                box = found.get(embryo, NOWHERE)
                mask = label[box] == embryo
                if not mask.any() or np.count_nonzero(mask) != int(area):
                    raise ContentError(
                        f"{folder}: embryo {embryo} of well {well}, frame {time_int}, has {np.count_nonzero(mask)} px, "
                        f"the sam2 table says {area}. Run sam2 again"
                    )
                quality = judge(mask, box, label.shape, masks, um_per_px, settings)
                measured.append((measure(mask, box, scale), quality))
    return measured


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
    keyed = embryos[["well", "time_int", "area_px"]].assign(
        embryo=embryos["embryo_id"].str.rpartition("_e")[2].astype(int)
    )
    scales = plates.scales(plate, path)
    wells = [rows.sort_values(["time_int", "embryo"]) for _, rows in keyed.groupby("well")]
    found = ahead(lambda rows: measure_well(experiment, rows, scales, networks, settings), wells)
    measured: dict[int, tuple[Shape, Quality]] = {}
    with watching(f"build03 {experiment}", len(keyed), "embryos") as advance:
        for rows, well in zip(wells, found, strict=True):
            measured.update(zip(rows.index, well, strict=True))
            advance(len(rows))
    shapes = pd.DataFrame([measured[row][0] for row in table.index], columns=Shape._fields, index=table.index)
    quality = pd.DataFrame([measured[row][1] for row in table.index], columns=Quality._fields, index=table.index)
    for name in FLAGS:
        quality[name] = tables.format_flags(quality[name].to_numpy(np.float64))
    ages = [tables.numbers(table, name, path) for name in ("start_age_hpf", "Time Rel (s)", "temperature")]
    own = pd.DataFrame(
        {
            "surface_area_um": shapes["area_um2"],
            "scale_missing_flag": shapes["area_um2"].isna(),
            "predicted_stage_hpf": predicted_stage(*ages),
            "sam2_qc_flag": table["sam2_qc_flags"] != "",
        }
    )
    table.insert(0, "experiment_date", experiment)
    whole = tables.as_text(pd.concat([table, shapes, own, quality], axis=1))
    return whole[[*KEY_COLUMNS, *(name for name in whole.columns if name not in KEY_COLUMNS)]]


@click.command("build03", cls=StageCommand)
@click.argument("experiment")
def main(experiment: str) -> None:
    """Build what EXPERIMENT adds to df01."""
    settings = params.read()
    settings.experiment(experiment)
    plate = plates.read_plate(layout.plate_table(experiment))
    source = layout.sam2_table(experiment)
    embryos = tables.read_text(source)
    embryos["time_int"] = tables.numbers(embryos, "time_int", source).astype(np.int64)
    networks = settings.block("qc_masks", QcSettings).models
    table = build_table(experiment, embryos, plate, networks, settings.block("build03", Settings))
    tables.write(layout.build03_table(experiment), table)
    unstaged = int((table["predicted_stage_hpf"] == "").sum())
    note(f"{experiment}: {len(table)} rows of {len(embryos)} embryos found, {unstaged} without a stage")


if __name__ == "__main__":
    main()
