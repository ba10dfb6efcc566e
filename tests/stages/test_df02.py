"""What df02 says of an embryo: outliers, the stage by area, death."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.cohort.params import Params
from stages import df02


@pytest.fixture(scope="module")
def settings(params: Params) -> df02.Settings:
    return params.block("df02", df02.Settings)


CURVES = pd.DataFrame(
    {
        "stage_hpf": [10.0, 20.0, 40.0],
        "p5": [90.0, 380.0, 450.0],
        "p50": [100.0, 400.0, 500.0],
        "p95": [110.0, 420.0, 550.0],
    }
)


def test_the_median_embryo_of_a_stage_has_that_stage() -> None:
    stage, error = df02.infer_stage(CURVES["p50"].to_numpy(), CURVES, 100)
    assert stage.tolist() == pytest.approx([10, 20, 40])
    # 10 um2 either way at 30 um2 an hour; 20 and 50 at 5 an hour.
    assert error.tolist() == pytest.approx([10 / 30, 20 / 5, 50 / 5])


@given(area=st.floats(100, 500))
def test_a_stage_has_the_error_that_is_stated_or_is_blank(area: float) -> None:
    stage, error = df02.infer_stage(np.array([area]), CURVES, 5)
    whole, its_error = df02.infer_stage(np.array([area]), CURVES, 1e9)
    assert np.interp(whole[0], CURVES["stage_hpf"], CURVES["p50"]) == pytest.approx(area)
    assert (stage[0], error[0]) == (whole[0], its_error[0]) if its_error[0] <= 5 else np.isnan([stage, error]).all()


def test_no_stage_is_told_beyond_the_curve_or_of_one_that_does_not_grow() -> None:
    assert np.isnan(df02.infer_stage(np.array([99.0, 501.0, np.nan]), CURVES, 1e9)).all()
    flat = CURVES.assign(p50=[100.0, 99.0, 500.0])
    assert np.isnan(df02.infer_stage(np.array([200.0]), flat, 1e9)).all()


def test_outliers_are_held_against_the_curves_at_their_stage(settings: df02.Settings) -> None:
    curves = pd.DataFrame({"stage_hpf": [10.0, 20.0], "p5": [100.0, 200.0], "p95": [200.0, 400.0]})
    upper, lower = settings.k_upper, settings.k_lower
    area = np.array([300 * upper - 1, 300 * upper + 1, 150 * lower - 1, 150 * lower + 1, 400 * upper + 1, np.nan, 1.0])
    stage = np.array([15.0, 15.0, 15.0, 15.0, 99.0, 15.0, np.nan])
    flags = df02.outliers(area, stage, curves, settings)
    assert flags[:5].tolist() == [0, 1, 1, 0, 1]
    assert np.isnan(flags[5:]).all()


def course(alive: list[float], dead: list[float], hours: float = 1.0) -> pd.DataFrame:
    times = np.arange(len(alive))
    return pd.DataFrame({"time_int": times, "hours": times * hours, "fraction_alive": alive, "dead": dead})


def test_death_is_flagged_from_lead_hours_before_its_frame(settings: df02.Settings) -> None:
    dying = course([1, 1, 1, 1, 0.3, 0.2], [0, 0, 0, 0, 1, 1])
    alive, dead, times = (dying[name].to_numpy() for name in ("fraction_alive", "dead", "time_int"))
    frame = df02.death_frame(alive, dead, times, settings.death)
    assert frame in (3, 4)
    flagged = [float(index >= frame - settings.death.lead_h) for index in range(6)]
    assert df02.flag_death(dying, settings.death).tolist() == flagged


def test_a_passing_drop_is_no_death(settings: df02.Settings) -> None:
    assert not df02.flag_death(course([1, 0.5, 1, 1], [0, 1, 0, 0]), settings.death).any()
    assert df02.flag_death(course([1, 0.5, 1, 0.4, 0.3, 0.2, 0.2, 0.1], [0, 1, 0, 1, 1, 1, 1, 1]), settings.death).any()


def test_too_few_known_frames_say_nothing_of_death(settings: df02.Settings) -> None:
    assert np.isnan(df02.flag_death(course([1, 0.1], [0, 1]), settings.death)).all()
    assert np.isnan(df02.flag_death(course([1, np.nan, 0.1], [0, np.nan, 1]), settings.death)).all()


FLAGS = ("dead_flag", "dead_flag2", "sa_outlier_flag", "sam2_qc_flag")
flag = st.sampled_from([0.0, 1.0, np.nan])


@given(
    st.lists(
        st.tuples(flag, flag, flag, flag, st.sampled_from(["", "LARGE_MASK", "MASK_ON_EDGE|LARGE_MASK"])), max_size=9
    )
)
def test_a_row_has_a_reason_for_each_flag_that_is_raised_and_for_no_other(rows: list[tuple[float, ...]]) -> None:
    raised = {name: np.array([row[place] for row in rows], np.float64) for place, name in enumerate(FLAGS)}
    names = [str(row[4]) for row in rows]
    found = df02.reasons(raised, names)
    for place, text in enumerate(found):
        expected = [name for name in FLAGS if raised[name][place] == 1]
        if names[place] and "sam2_qc_flag" in expected:
            expected = [*expected[:-1], *names[place].split("|")]
        assert text.split("|") == (expected or [""])
