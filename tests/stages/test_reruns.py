"""What reruns what, through the real `dvc`: exactly what depends on a change, and nothing else."""

import os

import pandas as pd
import pytest

from tests.project import PLATES, RUNNING, Project, replace_file, stages_of

PER_EXPERIMENT = ("images", "qc_masks", "sam2", "build03", "df01_part", "snips", "latents", "df03_part")
COHORT = {"df01", "df02", "df03"}
TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES


def test_after_a_run_everything_is_up_to_date_and_touching_frames_changes_nothing(project: Project) -> None:
    assert "up to date" in project.status()
    for experiment in PLATES:
        for frame in project.frames(experiment).iterdir():
            os.utime(frame, (1, 1))
    assert "up to date" in project.status()


@pytest.mark.parametrize(("row", "column"), [(200, 256), (0, 0)])
def test_one_pixel_reruns_its_experiment_and_the_cohort(project: Project, row: int, column: int) -> None:
    project.change_pixel(SNAPSHOT, "A01_t0000_stitch.png", row, column)
    ran = project.repro()
    part = stages_of(SNAPSHOT, "df03_part")
    assert ran.stages | part == stages_of(SNAPSHOT, *PER_EXPERIMENT) | COHORT
    assert part <= ran.stages if row else not part & ran.stages, "outside of the embryo, its latents are the same"
    assert "up to date" in project.status()


def test_a_removed_experiment_leaves_the_cohort_and_comes_back_without_being_computed(project: Project) -> None:
    before = {name: project.table(name).read_bytes() for name in sorted(COHORT)}
    everything = dict.fromkeys(PLATES, "threshold")
    project.experiments({name: kind for name, kind in everything.items() if name != SNAPSHOT})
    assert project.repro().stages == COHORT | {"experiments", "wells"}
    for name in sorted(COHORT):
        table = pd.read_csv(project.table(name), dtype=str)
        assert set(table["experiment_date"]) == {TIME_LAPSE, AWKWARD}
        assert set(project.manifest(name).experiments) == {TIME_LAPSE, AWKWARD}
    assert "up to date" in project.status()

    project.experiments(everything)
    parts = stages_of(SNAPSHOT, "df01_part", "df03_part")
    assert project.repro().stages <= COHORT | {"experiments", "wells"} | parts
    assert {name: project.table(name).read_bytes() for name in before} == before


def test_another_model_runs_latents_and_df03_and_the_first_one_comes_back_from_the_run_cache(project: Project) -> None:
    first = project.table("df03").read_bytes()
    output = project.run("dvc", "exp", "run", "--set-param", "model_name=demo_b", "df03")
    ran = set(RUNNING.findall(output))
    parts = {f"df03_part@{name}" for name in PLATES}
    assert ran == {f"latents@{name}" for name in PLATES} | parts | {"df03"}
    assert project.manifest("df03").model == "demo_b"
    assert "z_mu_00" in project.table("df03").read_text().partition("\n")[0].split(",")

    output = project.run("dvc", "exp", "run", "--set-param", "model_name=demo_a", "df03")
    assert set(RUNNING.findall(output)) == parts
    assert project.table("df03").read_bytes() == first
    assert project.manifest("df03").model == "demo_a"


def test_a_setting_reruns_what_it_is_a_setting_of(project: Project) -> None:
    project.setting("k_upper", 1.3)
    assert project.repro().stages == {"df02", "df03"}
    project.setting("noise_sd", 6)
    again = {f"{stage}@{name}" for stage in ("snips", "latents", "df03_part") for name in PLATES}
    assert project.repro().stages == again | {"df03"}


def test_a_corrected_temperature_runs_no_network(project: Project) -> None:
    path = project.plate(AWKWARD)
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert (table["temperature"] == "").any()
    table["temperature"] = table["temperature"].replace("", "28.5")
    replace_file(path, table.to_csv(index=False).encode())
    # Snips depend on the plate table for its scale; they come out the same, so that latents don't run.
    assert project.repro().stages == stages_of(AWKWARD, "images", "build03", "df01_part", "snips") | {"wells"} | COHORT
    stages = pd.read_csv(project.table("df01"))["predicted_stage_hpf"]
    assert stages.notna().all()


def test_the_cohort_tables_hold_the_experiments_rows_to_the_digit(project: Project) -> None:
    header, *lines = project.table("df01").read_bytes().splitlines(keepends=True)
    expected = []
    for experiment in PLATES:
        path = project.root / f"data/metadata/build03_output/expr_embryo_metadata_{experiment}.csv"
        own_header, *own = path.read_bytes().splitlines(keepends=True)
        assert own_header == header
        expected += own
    assert lines == expected
    df02 = project.table("df02").read_bytes().splitlines()
    assert all(new.startswith(old.rstrip(b"\n") + b",") for new, old in zip(df02, [header, *lines], strict=True))
