"""Stage `df02` (the lab's Build04): df01 with what only the whole cohort can say of an embryo."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns, params
from morphseq_manifest.cohort.columns import Source
from morphseq_manifest.cohort.manifests import funnel
from morphseq_manifest.cohort.manifests.cohort_manifest import Contribution
from morphseq_manifest.cohort.manifests.funnel import REASONS
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import cohort_tables, layout, tables

CURVE_COLUMNS = ("stage_hpf", "p5", "p95")
Floats = NDArray[np.float64]


class Hill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """sa(t) = offset + sa_max * t^h / (t^h + ip^h), in um2, t in hpf up to `max_hpf`."""

    offset: float
    sa_max: float
    h: float
    ip: float
    max_hpf: float


class Death(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When an embryo counts as dying: its fraction_alive, smoothed over `window` frames (Savitzky-Golay of `order`)
    if there are that many, drops by more than `min_drop` a frame, and `min_dead_later` of the later frames are dead.
    """

    min_frames: int
    window: int
    order: int
    min_drop: float
    min_dead_later: float
    lead_h: float


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `df02`: bounds of the surface area as multiples of p95 and p5, death, and the stage curve."""

    k_upper: float
    k_lower: float
    death: Death
    stage_curve: Hill


def outliers(area_um2: Floats, stage_hpf: Floats, curves: pd.DataFrame, settings: Settings) -> Floats:
    """1 if an area lies outside the reference curves at its stage, 0 if not, NaN if either is unknown.

    `curves` has stage_hpf (ascending), p5 and p95, in um2; it is interpolated linearly and held at its ends.
    """
    low = settings.k_lower * np.interp(stage_hpf, curves["stage_hpf"], curves["p5"])
    high = settings.k_upper * np.interp(stage_hpf, curves["stage_hpf"], curves["p95"])
    outside = (area_um2 > high) | (area_um2 < low)
    return np.where(np.isnan(area_um2 + stage_hpf), np.nan, outside)


def infer_stage(area_um2: Floats, curve: Hill) -> tuple[Floats, Floats]:
    """(stage in hpf, flag) from the inverse of the stage curve; beyond its ends, the end, and flag 1. NaN stays NaN."""
    rise = area_um2 - curve.offset
    top = curve.sa_max / (1 + (curve.ip / curve.max_hpf) ** curve.h)
    within = np.clip(rise, 0, top)
    stage = curve.ip * (within / (curve.sa_max - within)) ** (1 / curve.h)
    clamped = np.where(np.isnan(area_um2), np.nan, (rise < 0) | (rise > top))
    return np.clip(stage, 0, curve.max_hpf), clamped


def death_frame(alive: Floats, dead: Floats, time_int: NDArray[np.int64], settings: Death) -> int | None:
    """The index of the frame with which an embryo dies, or None if it does not; arrays in time order, without NaN."""
    smooth = savgol_filter(alive, settings.window, settings.order) if len(alive) >= settings.window else alive
    drops = -np.diff(smooth) / np.diff(time_int)
    for frame in np.flatnonzero(drops > settings.min_drop) + 1:
        later = dead[frame + 1 :]
        if len(later) and later.mean() >= settings.min_dead_later:
            return int(frame)
    return None


def flag_death(embryo: pd.DataFrame, settings: Death) -> Floats:
    """dead_flag2 of one embryo's rows, in time order (columns time_int, hours, fraction_alive, dead).

    NaN everywhere if fewer than `min_frames` frames are known well enough to tell.
    """
    known = embryo[["fraction_alive", "dead"]].notna().all(axis=1).to_numpy()
    if known.sum() < settings.min_frames:
        return np.full(len(embryo), np.nan)
    seen = embryo[known]
    alive, dead, time_int = (seen[name].to_numpy() for name in ("fraction_alive", "dead", "time_int"))
    frame = death_frame(alive, dead, time_int, settings)
    if frame is None:
        return np.zeros(len(embryo))
    after = embryo["time_int"].to_numpy() >= seen["time_int"].iloc[frame]
    # If the hours are not known, NaN compares as false, and the frame number alone decides.
    lead = embryo["hours"].to_numpy() >= seen["hours"].iloc[frame] - settings.lead_h
    return np.where(after | lead, 1.0, 0.0)


def reasons(raised: Mapping[str, Floats], names: Sequence[str]) -> list[str]:
    """Why each row is not usable, joined by `|`; empty if it is.

    `raised` are flags by name, as float64: 1 if raised. Only a raised flag makes an embryo unusable: one that is not
    known (NaN) does not. `names` are the cells of sam2_qc_flags, whose names stand for sam2_qc_flag.
    """
    why: list[list[str]] = [[] for _ in names]
    for flag, values in raised.items():
        for row in np.flatnonzero(values == 1).tolist():
            why[row].append(names[row] if flag == "sam2_qc_flag" and names[row] else flag)
    return ["|".join(flags) for flags in why]


def build(df01: pd.DataFrame, curves: pd.DataFrame, settings: Settings, path: Path) -> pd.DataFrame:
    """df02: the rows of df01 (text, read from `path`) as they are, with the cohort's columns after them."""
    area, stage, alive, seconds = (
        tables.numbers(df01, name, path)
        for name in ("surface_area_um", "predicted_stage_hpf", "fraction_alive", "Time Rel (s)")
    )
    dead, flagged = (tables.flags(df01, name, path) for name in ("dead_flag", "sam2_qc_flag"))
    course = pd.DataFrame(
        {
            "embryo_id": df01["embryo_id"],
            "time_int": tables.numbers(df01, "time_int", path).astype(np.int64),
            "hours": seconds / 3600,
            "fraction_alive": alive,
            "dead": dead,
        }
    ).sort_values(["embryo_id", "time_int"])
    dead2 = pd.Series(np.nan, index=df01.index)
    for _, embryo in course.groupby("embryo_id", sort=False):
        dead2[embryo.index] = flag_death(embryo, settings.death)
    outlier = outliers(area, stage, curves, settings)
    inferred, clamped = infer_stage(area, settings.stage_curve)
    raised: dict[str, Floats] = {
        "dead_flag": dead,
        "dead_flag2": np.asarray(dead2, np.float64),
        "sa_outlier_flag": outlier,
        "sam2_qc_flag": flagged,
    }
    why = reasons(raised, df01["sam2_qc_flags"].tolist())
    values = {
        "sa_outlier_flag": outlier,
        "dead_flag2": raised["dead_flag2"],
        "use_embryo_flag": np.array([not text for text in why], np.float64),
        "inferred_stage_hpf": inferred,
        "inferred_stage_clamped_flag": clamped,
    }
    added = {
        column.name: tables.format_column(values[column.name], column.dtype) if column.name in values else why
        for column in columns.of(Source.DF02)
    }
    return pd.concat([df01, pd.DataFrame(added, index=df01.index, dtype=str)], axis=1)


def describe(df02: pd.DataFrame) -> Callable[[str, Contribution], Contribution]:
    """What an experiment's part in df02 says besides: how many rows are usable, and why the others are not.

    A row with two reasons counts in each.
    """
    unusable: Counter[str] = Counter()
    found: dict[str, Counter[str]] = {}
    for experiment, text in zip(df02["experiment_date"].tolist(), df02[REASONS].tolist(), strict=True):
        if text:
            unusable[experiment] += 1
            found.setdefault(experiment, Counter()).update(text.split("|"))

    def add(experiment: str, part: Contribution) -> Contribution:
        count = unusable[experiment]
        counts = {funnel.USABLE: part.rows - count, funnel.UNUSABLE: count}
        return msgspec.structs.replace(part, funnel=part.funnel | counts, reasons=dict(found.get(experiment, {})))

    return add


def read_curves(path: Path) -> pd.DataFrame:
    """The reference curves as float64. Raises ContentError if something is missing, or the stages don't ascend."""
    text = tables.read_text(path)
    tables.require(text, CURVE_COLUMNS, path)
    curves = pd.DataFrame({name: tables.numbers(text, name, path) for name in CURVE_COLUMNS})
    if curves.empty or curves.isna().any(axis=None) or not (np.diff(curves["stage_hpf"]) > 0).all():
        raise ContentError(f"{path}: expected stage_hpf ascending with p5 and p95 in every row. Correct the table")
    return curves


@click.command("df02", cls=StageCommand)
def main() -> None:
    """Build df02 from df01 and the reference curves."""
    settings = params.read()
    df01, source = cohort_tables.read_table("df01", settings)
    curves = read_curves(layout.REFERENCE_CURVES)
    df02 = build(df01, curves, settings.block("df02", Settings), layout.cohort_table("df01"))
    cohort_tables.write_table(
        "df02",
        df02,
        source,
        describe(df02),
        params=source.params | {"df02": settings.values["df02"]},
        versions=source.versions | settings.versions(["df02"]),
    )


if __name__ == "__main__":
    main()
