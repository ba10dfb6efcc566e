"""The metrics and the points of plots, against counts by hand."""

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.cohort.manifests.cohort_manifest import SCHEMA, CohortManifest, Contribution
from morphseq_manifest.cohort.manifests.funnel import STEPS
from stages.files import metrics, plots

CURVES = pd.DataFrame({"stage_hpf": [0.0, 100.0], "p50": [1000.0, 2000.0]})


def part(rows: int, **changes: Any) -> Contribution:
    fields = {"embryos": rows, "wells": 1, "frames": 4} | changes
    return Contribution(
        rows=rows, contributed="c", segmenter="s", images="i", sam2="s", build03="b", versions={},
        **{"blank": {}} | fields,
    )  # fmt: skip


def manifest(**parts: Contribution) -> CohortManifest:
    rows = sum(one.rows for one in parts.values())
    return CohortManifest(SCHEMA, "t.csv", "h", rows, 1, {}, {}, {}, None, None, parts, "")


def area(rows: list[tuple[float, float]]) -> plots.Points:
    sizes, stages = np.array(rows, np.float64).reshape(-1, 2).T
    return plots.area(sizes, stages, CURVES)


NOTHING = manifest(a=part(0))
ZERO = dict.fromkeys(STEPS["df02"], 0)
BOTH = manifest(
    a=part(3, blank={"area_um2": 1}, funnel=ZERO | {"usable": 1, "unusable": 2, "frame_without_embryo": 1},
           with_latents=1, reasons={"dead_flag": 2, "EDGE": 1}),
    b=part(1, blank={"area_um2": 1}, funnel=ZERO | {"usable": 1, "not_a_frame": 2}, with_latents=1),
    none=part(0, frames=0, wells=0, funnel=ZERO),
)  # fmt: skip


def test_metrics_are_those_of_all_experiments_together() -> None:
    size = {"experiments": 2, "experiments_without_row": 1, "wells": 2, "embryos": 4, "missing": {"area_um2": 2}}
    lost = dict.fromkeys(("row_without_frame", "frame_without_row", "well_qc_flag"), 0)
    lost |= {"not_a_frame": 2, "frame_without_embryo": 1}
    assert metrics.of_table("df01", BOTH) == size | {"rows": 4, "frames": 8, "lost": lost}
    assert metrics.of_table("df02", BOTH) == {
        "rows": 4, "usable": 2, "usable_share": 0.5, "unusable": 2, "reasons": {"EDGE": 1, "dead_flag": 2}
    }  # fmt: skip
    assert metrics.of_table("df03", BOTH) == size | {"rows": 4, "with_latents": 2, "latent_coverage": 0.5}


@pytest.mark.parametrize(("table", "share"), [("df02", "usable_share"), ("df03", "latent_coverage")])
def test_a_share_of_nothing_is_not_known(table: str, share: str) -> None:
    assert metrics.of_table(table, NOTHING)[share] is None


def test_what_is_lost_is_told_by_step_and_then_by_reason() -> None:
    assert {point["reason"]: point["lost"] for point in plots.lost(BOTH)} == {
        "row_without_frame": 0, "frame_without_row": 0, "not_a_frame": 2, "frame_without_embryo": 1, "well_qc_flag": 0,
        "EDGE": 1, "dead_flag": 2,
    }  # fmt: skip


def test_coverage_is_told_of_each_experiment_and_blank_if_there_is_nothing_to_cover() -> None:
    first, second, third = plots.coverage(BOTH)
    assert first == {"experiment": "a", "frames_with_embryo": 0.75, "usable": 0.3333, "with_latents": 0.3333}
    assert second == {"experiment": "b", "frames_with_embryo": 1, "usable": 1, "with_latents": 1}
    assert third == {"experiment": "none", "frames_with_embryo": None, "usable": None, "with_latents": None}
    assert plots.coverage(manifest(none=part(0, frames=0))) == [third]
    assert plots.coverage(manifest(none=part(0)))[0]["frames_with_embryo"] is None, "schema 1 does not say"


def test_areas_are_told_by_two_hours_beside_the_reference() -> None:
    sizes = np.array([30.0, 10.0, 20.0, 7.0, np.nan, 5.0, np.inf])
    stage = np.array([24.0, 25.9, 24.5, 26.0, 24.0, np.nan, 24.0])
    assert plots.area(sizes, stage, CURVES) == [
        {"stage_hpf": 25, "rows": 3, "p5": 10, "p50": 20, "p95": 30, "reference_p50": 1250},
        {"stage_hpf": 27, "rows": 1, "p5": 7, "p50": 7, "p95": 7, "reference_p50": 1270},
    ]


@given(st.lists(st.tuples(st.floats(1, 1e7), st.floats(-1e6, 1e12)), max_size=300), st.randoms())
def test_there_are_few_points_whatever_the_stages_and_in_whatever_order(
    rows: list[tuple[float, float]], order: random.Random
) -> None:
    points = area(rows)
    assert len(points) <= 84
    assert sum(point["rows"] for point in points) == len(rows)
    assert all(point["p5"] <= point["p50"] <= point["p95"] for point in points)
    order.shuffle(rows)
    assert area(rows) == points
