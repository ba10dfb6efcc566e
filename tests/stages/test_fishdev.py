"""The real plates: the pipeline runs through, finds one embryo a frame, and stages it rightly."""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.conftest import REAL_PLATES
from tests.project import Project, link_copy

# Seen by eye: the frame's edge cuts the chorion.
ON_EDGE = {
    "FishDev_WT_01_1_D08_e01_t0119",
    "FishDev_WT_01_1_D08_e01_t0175",
    "FishDev_WT_01_1_E06_e01_t0027",
    "FishDev_WT_01_1_E12_e01_t0183",
    "FishDev_WT_02_3_H02_e01_t0039",
}


def test_the_real_plates_run_through(real_plates: Path, tmp_path: Path) -> None:
    project = link_copy(real_plates, tmp_path / "project")
    project.repro()
    assert "up to date" in project.status()
    _check_embryos(project)
    _check_usable(project)
    assert {name: part.rows for name, part in project.manifest("df01").experiments.items()} == {
        name: 16 for name in REAL_PLATES
    }


def _check_embryos(project: Project) -> None:
    table = pd.read_csv(project.table("df01"), dtype={"experiment_date": str})
    assert len(table) == 32
    assert table.groupby(["experiment_date", "well", "time_int"]).size().eq(1).all()
    assert table["area_um2"].between(1.05e6, 1.46e6).all()
    expected = 4.5 + 0.9975 * 0.25 * table["time_int"]
    assert np.abs(table["predicted_stage_hpf"] - expected).max() < 1e-9
    flagged = table[table["sam2_qc_flags"].notna()]
    assert set(flagged["sam2_qc_flags"]) == {"MASK_ON_EDGE"}
    assert set(flagged["snip_id"]) == ON_EDGE


def _check_usable(project: Project) -> None:
    """Only those that the edge cuts are left out of df03; what the networks don't know is blank, not false."""
    df02 = pd.read_csv(project.table("df02"), dtype={"experiment_date": str})
    lost = df02[df02["qc_fail_reasons"].notna()]
    assert set(lost["snip_id"]) == ON_EDGE
    assert set(lost["qc_fail_reasons"]) == {"MASK_ON_EDGE"}
    assert df02["in_chorion"].all()
    assert df02[["fraction_alive", "dead_flag", "no_yolk_flag", "bubble_flag", "sa_outlier_flag"]].isna().all(axis=None)
    # Seen by eye: the one frame that is out of focus.
    assert df02["snip_id"][df02["focus_flag"]].tolist() == ["FishDev_WT_01_1_D08_e01_t0119"]
    df03 = pd.read_csv(project.table("df03"), dtype={"experiment_date": str})
    assert len(df03) == 27
    # An egg is not turned.
    assert (df03["snip_angle"] == 0).all()
    assert (df03["snip_um_per_px"] == 6.5).all()
