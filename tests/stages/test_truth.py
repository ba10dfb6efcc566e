"""What the pipeline finds on the simulated plates, against the truth they were drawn from."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from simulation import plates
from tests.project import PLATES, Project, link_copy

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
FRAME = ["experiment", "well", "time_int"]
# Flags, and what is true of an embryo that has them.
TRUE = {"dead_flag": "dead", "bubble_flag": "bubble", "frame_flag": "edge", "focus_flag": "out_of_focus"}


def truth(root: Path, suffix: str) -> pd.DataFrame:
    parts = [pd.read_csv(root / f"data/truth/{name}{suffix}.csv").assign(experiment=name) for name in PLATES]
    return pd.concat(parts, ignore_index=True)


def found(root: Path) -> pd.DataFrame:
    table = pd.read_csv(Project(root).table("df02"), dtype={"experiment_date": str})
    return table.rename(columns={"experiment_date": "experiment"})


def built03(root: Path, plates: Sequence[str]) -> pd.DataFrame:
    paths = [root / f"data/metadata/build03_output/expr_embryo_metadata_{name}.csv" for name in plates]
    parts = [pd.read_csv(path, dtype={"experiment_date": str}) for path in paths]
    return pd.concat(parts, ignore_index=True).rename(columns={"experiment_date": "experiment"})


def matched(root: Path, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Found and true embryos side by side, paired by area within a frame (embryos of one well are drawn unlike)."""

    def ranked(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(rank=table.groupby(FRAME)["area_px"].rank(method="first"))

    found_ones = found(root) if table is None else table
    return ranked(found_ones).merge(ranked(truth(root, "")), on=[*FRAME, "rank"], suffixes=("", "_true"))


def check_flags(table: pd.DataFrame, flag: str, true: str, least: int) -> None:
    """A flag must be that of the truth in every frame of every well, of which at least so many are concerned.

    One well of 39 would be more than 2 %.
    """
    wrong = table[table[flag].astype(bool) != table[true].astype(bool)]
    assert wrong.empty, wrong[[*FRAME, flag, true]]
    assert table[table[true]].groupby(["experiment", "well"]).ngroups >= least


def counts_agree(root: Path, table: pd.DataFrame) -> float:
    frames = truth(root, "_frames")
    counts = table.groupby(FRAME).size().rename("found").reset_index()
    both = frames.merge(counts, on=FRAME, how="left").fillna({"found": 0})
    return float((both["found"] == both["embryos"]).mean())


def test_embryos_are_counted_and_measured_as_drawn(built: Path) -> None:
    assert counts_agree(built, found(built)) >= 0.98
    table = matched(built)
    error = (table["area_um2"] / table["area_um2_true"] - 1).abs()
    assert len(table) > 150
    assert error.median() <= 0.05
    assert np.allclose(table["area_um2"], table["area_px"] * 64, rtol=1e-9)


def test_build02_counts_and_measures_them_too(project: Project) -> None:
    project.experiments(dict.fromkeys(PLATES, "build02"))
    # What is said of an experiment is an argument of `images`, which makes the same again.
    per_experiment = {f"{stage}@{name}" for stage in ("images", "sam2", "build03", "df01_part") for name in PLATES}
    assert project.repro("df02").stages == per_experiment | {"experiments", "wells", "df01", "df02"}
    assert counts_agree(project.root, found(project.root)) >= 0.98
    table = matched(project.root)
    assert (table["area_um2"] / table["area_um2_true"] - 1).abs().median() <= 0.05
    assert {part.segmenter for part in project.manifest("df01").experiments.values()} == {"build02"}


@pytest.mark.parametrize(("flag", "true"), TRUE.items())
def test_flags_are_those_of_the_truth(built: Path, flag: str, true: str) -> None:
    check_flags(matched(built), flag, true, least=4)


def test_no_embryo_is_without_a_yolk(built: Path) -> None:
    assert not found(built)["no_yolk_flag"].astype(bool).any()


def test_on_another_processor_masks_differ_in_single_pixels_and_flags_not_at_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    plates = (SNAPSHOT, AWKWARD)
    here, masks = built03(project.root, plates), mask_pages(project.root, plates)
    for folder in {(project.root / path).parent for path in masks}:
        shutil.rmtree(folder)  # what is there would be kept
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    for name in plates:
        project.run("python", "-m", "stages.qc_masks", name)
        project.run("python", "-m", "stages.build03", name)
    there = mask_pages(project.root, plates)
    assert there.keys() == masks.keys()
    assert sum(np.count_nonzero(masks[path] != pages) for path, pages in there.items()) <= 10
    table = built03(project.root, plates)
    for flag, true in TRUE.items():
        check_flags(matched(project.root, table), flag, true, least=3)
    assert np.allclose(table["fraction_alive"], here["fraction_alive"], atol=1e-3, rtol=0)
    other = [column for column in table.columns if column != "fraction_alive"]
    pd.testing.assert_frame_equal(table[other], here[other])


def mask_pages(root: Path, plates: Sequence[str]) -> dict[str, np.ndarray]:
    paths = [path for name in plates for path in (root / "data/segmentation").glob(f"*_predictions/{name}/*.tif")]
    return {str(path.relative_to(root)): tifffile.imread(path) for path in paths}


def test_stages_follow_temperature_and_time(built: Path) -> None:
    table = matched(built)
    staged = table[table["temperature"].notna()]
    assert np.allclose(staged["predicted_stage_hpf"], staged["stage_hpf"], atol=1e-9, rtol=0)
    blank = table[table["temperature"].isna()]
    assert len(blank) == 6
    assert blank["predicted_stage_hpf"].isna().all()
    assert blank["sa_outlier_flag"].isna().all()
    part = Project(built).manifest("df01").experiments[AWKWARD]
    assert part.blank == {"area_um2": 0, "predicted_stage_hpf": 6}


def test_an_egg_is_told_from_a_hatched_embryo(built: Path) -> None:
    table = matched(built)
    whole = table[~table["edge"]]
    wells = {plate.experiment: plate.wells for plate in plates.PLATES}
    drawn = [wells[name][well].chorion for name, well in zip(whole["experiment"], whole["well"], strict=True)]
    assert whole["in_chorion"].tolist() == drawn
    assert drawn.count(False) >= 20


def test_a_stage_is_inferred_of_hatched_embryos_only_and_where_its_error_is_small(built: Path) -> None:
    table = matched(built)
    assert table.loc[table["in_chorion"], ["inferred_stage_hpf", "sa_outlier_flag"]].isna().all(axis=None)
    told = table[table["inferred_stage_hpf"].notna()]
    assert len(told) >= 8
    assert (told["inferred_stage_error_h"] <= 6).all()
    assert (told["inferred_stage_hpf"] - told["stage_hpf"]).abs().median() < 5


def test_a_dying_embryo_is_flagged_from_before_its_death(built: Path) -> None:
    table = matched(built)
    fates = table.groupby(["experiment", "embryo_id"])["dead"].agg(["any", "first"])
    dying = fates[fates["any"] & ~fates["first"]]
    assert len(dying) == 1
    embryo = table[table["embryo_id"] == dying.index[0][1]].sort_values("time_int")
    first_dead = embryo.loc[embryo["dead"], "Time Rel (s)"].min()
    flagged = embryo["dead_flag2"].astype(bool)
    assert flagged[embryo["Time Rel (s)"] >= first_dead].all()
    assert not embryo.loc[flagged, "use_embryo_flag"].any()
    living = table[~table["embryo_id"].isin(dying.index.get_level_values(1)) & ~table["dead"]]
    assert not living["dead_flag2"].fillna(0).astype(bool).any()


def test_embryos_keep_their_ids_over_a_wells_frames(built: Path) -> None:
    table = matched(built)
    pairs = table.groupby(["experiment", "well", "embryo"])["embryo_id"].nunique()
    assert (pairs == 1).all()
    assert (table.groupby(["experiment", "well"])["embryo"].nunique() == 2).sum() >= 1


def test_the_usable_rows_are_in_df03_with_latents(built: Path) -> None:
    df02, df03 = found(built), pd.read_csv(Project(built).table("df03"), dtype={"experiment_date": str})
    usable = df02[df02["use_embryo_flag"]]
    assert 0.5 * len(df02) < len(usable) < len(df02)
    assert df03["snip_id"].tolist() == usable["snip_id"].tolist()
    columns = [f"z_mu_n_{index:02d}" for index in range(2)] + [f"z_mu_b_{index:02d}" for index in range(2, 10)]
    assert df03.columns[-10:].tolist() == columns
    assert df03[columns].notna().all(axis=None)
    assert (df03[columns].std() > 0).all()
    assert Project(built).manifest("df03").coverage == 1


def test_wells_flagged_by_hand_are_left_out(project: Project) -> None:
    path = project.plate(SNAPSHOT)
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[table["well"] == "B05", "well_qc_flag"] = "1"
    path.unlink()
    table.to_csv(path, index=False)
    project.repro("df01")
    rows = pd.read_csv(project.table("df01"), dtype=str)
    assert "B05" not in set(rows.loc[rows["experiment_date"] == SNAPSHOT, "well"])
    assert project.manifest("df01").experiments[SNAPSHOT].rows == 23


def test_a_copy_of_a_project_needs_nothing_of_the_first(built: Path, tmp_path: Path) -> None:
    assert "up to date" in link_copy(built, tmp_path / "elsewhere").status()
