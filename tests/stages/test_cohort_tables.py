"""What df01, df02 and df03 say of what was lost, and their typed copies: against the tables read in another way."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

import morphseq_manifest
from morphseq_manifest.cohort.manifests import images_manifest
from stages.files import layout
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def edit(path: Path, column: str, row: int, cell: str) -> None:
    table = read(path)
    table.loc[row, column] = cell
    replace_file(path, table.to_csv(index=False).encode())


def cohort(project: Project) -> dict[Path, bytes]:
    """All that lies in the tables' folder."""
    return {path: path.read_bytes() for path in (project.root / layout.COHORT).rglob("*") if path.is_file()}


@pytest.mark.parametrize("experiment", PLATES)
def test_the_funnel_counts_what_the_tables_have(built: Path, experiment: str) -> None:
    listed = images_manifest.read(built / layout.images_manifest(experiment))
    sam2, plate = read(built / layout.sam2_table(experiment)), read(built / layout.plate_table(experiment))
    frames = {(frame.well, str(frame.time_int)) for frame in listed.frames}
    rows = set(zip(plate["well"], plate["time_int"], strict=True))
    expected = {
        "plate_rows": len(plate),
        "row_without_frame": len(rows - frames),
        "frame_without_row": len(frames - rows),
        "not_a_frame": 0,
        "frame_without_embryo": len(frames - set(zip(sam2["well"], sam2["time_int"], strict=True))),
        "sam2_rows": len(sam2),
        "well_qc_flag": 0,
    }
    parts = [Project(built).manifest(name).experiments[experiment] for name in ("df01", "df02", "df03")]
    assert (parts[0].funnel, parts[0].reasons) == (expected, {})
    df02 = read(built / layout.cohort_table("df02"))
    own = df02[df02["experiment_date"] == experiment]
    usable = int((own["use_embryo_flag"] == "True").sum())
    expected |= {"usable": usable, "unusable": len(own) - usable}
    reasons = Counter(why for text in own["qc_fail_reasons"] if text for why in text.split("|"))
    for part in parts[1:]:
        assert (part.funnel, part.reasons) == (expected, dict(reasons))
    assert parts[2].rows == usable
    assert sum(reasons.values()) >= len(own) - usable > 0


def test_wells_that_are_left_out_are_counted(project: Project) -> None:
    edit(project.plate(SNAPSHOT), "well_qc_flag", 0, "1")
    project.repro("df02")
    for name in ("df01", "df02"):
        part = project.manifest(name).experiments[SNAPSHOT]
        assert (part.rows, part.funnel["sam2_rows"], part.funnel["well_qc_flag"]) == (23, 24, 1)
    lost = morphseq_manifest.provenance("df01", project.root).to_frame()["in flagged wells"].tolist()
    assert lost == ["", "1 of 24 embryos", ""]


def test_the_same_input_gives_the_same_bytes(project: Project) -> None:
    for name in ("df01", "df02", "df03"):
        path = project.root / layout.typed_table(name)
        before = path.read_bytes()
        path.unlink()
        model = ["--model", "demo_a"] if name == "df03" else []
        project.run("python", "-m", f"stages.{name}", *model)
        assert path.read_bytes() == before


def test_a_word_for_a_number_is_named_before_anything_is_made(project: Project) -> None:
    edit(project.plate(SNAPSHOT), "Time (s)", 3, "noon")
    before = cohort(project)
    output = project.repro("df01", fails=True).output
    assert f"{SNAPSHOT}_metadata.csv, row 5: Time (s) is 'noon', not a number" in output
    assert cohort(project) == before


def test_more_rows_than_embryos_were_found_stop_df01(project: Project) -> None:
    path = project.root / layout.sam2_table(SNAPSHOT)
    replace_file(path, b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    project.run("python", "-m", "stages.df01_part", SNAPSHOT)
    output = project.run("python", "-m", "stages.df01", fails=True)
    assert f"expr_embryo_metadata_{SNAPSHOT}.csv: has 24 rows" in output
    assert "sam2_metadata_20250102_snapshot.csv only 23" in output


def test_a_stage_says_of_which_experiments_a_table_has_no_row(project: Project) -> None:
    path = project.plate(AWKWARD)
    table = read(path).assign(well_qc_flag="1")
    replace_file(path, table.to_csv(index=False).encode())
    output = project.repro("df03").output
    rows = len(read(project.root / layout.sam2_table(AWKWARD)))
    for name in ("df01", "df02", "df03"):
        assert f"{name}: no row of {AWKWARD}: " in output
    assert f"6 of 47 frames without an embryo, {rows} of {rows} embryos in flagged wells\n" in output
