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
from stages.files import cohort_tables, layout, perturbation_key, plots, tables, well_tables
from stages.imaging.share import Share

CURVE_COLUMNS = ("stage_hpf", "p5", "p50", "p95")
Floats = NDArray[np.float64]


class Death(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When an embryo counts as dying: its fraction_alive, smoothed over `window` frames (Savitzky-Golay of `order`)
    if there are that many, drops by more than `min_drop` a frame, and `min_dead_later` of the later frames are dead.
    """

    min_frames: int
    window: int
    order: int
    min_drop: float
    min_dead_later: Share
    lead_h: float


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `df02`: bounds of the surface area as multiples of p95 and p5, death, and how uncertain an inferred
    stage may be.
    """

    k_upper: float
    k_lower: float
    death: Death
    max_error_h: float


def outliers(area_um2: Floats, stage_hpf: Floats, curves: pd.DataFrame, settings: Settings) -> Floats:
    """1 if an area lies outside the reference curves at its stage, 0 if not, NaN if either is unknown.

    `curves` has stage_hpf (ascending), p5 and p95, in um2; it is interpolated linearly and held at its ends.
    """
    low = settings.k_lower * np.interp(stage_hpf, curves["stage_hpf"], curves["p5"])
    high = settings.k_upper * np.interp(stage_hpf, curves["stage_hpf"], curves["p95"])
    outside = (area_um2 > high) | (area_um2 < low)
    return np.where(np.isnan(area_um2 + stage_hpf), np.nan, outside)


def infer_stage(area_um2: Floats, curves: pd.DataFrame, max_error_h: float) -> tuple[Floats, Floats]:
    """(stage in hpf, its error in h) at which the reference's median embryo has these areas; NaN if not to be told.

    `curves` has stage_hpf, p5, p50 and p95, in um2. The error is half the time that the median takes to grow from p5 to
    p95 of that stage, at the rate of growth there: nine of ten embryos of an area are younger or older by less. No
    stage is told beyond the curve's ends, with an error above `max_error_h`, or if the median does not always grow.
    """
    hpf, p5, p50, p95 = (curves[name].to_numpy() for name in ("stage_hpf", "p5", "p50", "p95"))
    nothing = np.full(len(area_um2), np.nan)
    if len(hpf) < 2 or not (np.diff(p50) > 0).all():
        return nothing, nothing
    stage = np.interp(area_um2, p50, hpf, left=np.nan, right=np.nan)
    steps = np.clip(np.searchsorted(p50, area_um2, side="right") - 1, 0, len(hpf) - 2)
    rate = (np.diff(p50) / np.diff(hpf))[steps]
    error = np.interp(area_um2, p50, p95 - p5) / 2 / rate
    told = ~np.isnan(stage) & (error <= max_error_h)
    return np.where(told, stage, np.nan), np.where(told, error, np.nan)


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
    # Tables that were taken over from the lab lack these: blank is not known.
    lacking = [name for name in ("in_chorion", "sam2_qc_flags") if name not in df01.columns]
    known = df01.assign(**dict.fromkeys(lacking, ""))
    area, stage, alive, seconds = (
        tables.numbers(known, name, path)
        for name in ("surface_area_um", "predicted_stage_hpf", "fraction_alive", "Time Rel (s)")
    )
    dead, flagged, in_chorion = (
        tables.flags(known, name, path) for name in ("dead_flag", "sam2_qc_flag", "in_chorion")
    )
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
    # What is measured of an egg is its chorion, whose size says nothing of the embryo in it.
    of_embryo = np.where(in_chorion == 1, np.nan, area)
    outlier = outliers(of_embryo, stage, curves, settings)
    inferred, error = infer_stage(of_embryo, curves, settings.max_error_h)
    raised: dict[str, Floats] = {
        "dead_flag": dead,
        "dead_flag2": np.asarray(dead2, np.float64),
        "sa_outlier_flag": outlier,
        "sam2_qc_flag": flagged,
    }
    why = reasons(raised, known["sam2_qc_flags"].tolist())
    values = {
        "sa_outlier_flag": outlier,
        "dead_flag2": raised["dead_flag2"],
        "use_embryo_flag": np.array([not text for text in why], np.float64),
        "inferred_stage_hpf": inferred,
        "inferred_stage_error_h": error,
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


def area_by_stage(df02: pd.DataFrame, curves: pd.DataFrame, path: Path) -> plots.Points:
    """The points of the plot of area by stage: usable rows of df02 (text, read from `path`), without eggs."""
    shown = df02[(df02["use_embryo_flag"] == tables.TRUE) & (df02.get("in_chorion", "") != tables.TRUE)]
    area, stage = (tables.numbers(shown, name, path) for name in ("surface_area_um", "predicted_stage_hpf"))
    return plots.area(area, stage, curves)


def read_curves(path: Path) -> pd.DataFrame:
    """The reference curves as float64. Raises ContentError if something is missing, or the stages don't ascend."""
    text = tables.read_text(path)
    tables.require(text, CURVE_COLUMNS, path)
    curves = pd.DataFrame({name: tables.numbers(text, name, path) for name in CURVE_COLUMNS})
    if curves.empty or curves.isna().any(axis=None) or not (np.diff(curves["stage_hpf"]) > 0).all():
        raise ContentError(f"{path}: expected stage_hpf ascending with p5, p50 and p95 in every row. Correct the table")
    return curves


@click.command("df02", cls=StageCommand)
def main() -> None:
    """Build df02 from df01, the reference curves and the perturbation key."""
    settings = params.read()
    df01, source = cohort_tables.read_table("df01", settings)
    curves = read_curves(layout.REFERENCE_CURVES)
    path, key = layout.cohort_table("df01"), well_tables.read_key()
    df02 = perturbation_key.join(build(df01, curves, settings.block("df02", Settings), path), key, path)
    manifest = cohort_tables.write_table(
        "df02",
        df02,
        source,
        describe(df02),
        params=source.params | {"df02": settings.values["df02"]},
        versions=source.versions | settings.versions(["df02"]),
    )
    plots.write(layout.plot("lost"), plots.lost(manifest))
    plots.write(layout.plot("area"), area_by_stage(df02, curves, path))


if __name__ == "__main__":
    main()
