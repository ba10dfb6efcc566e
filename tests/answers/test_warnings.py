"""What does not fit, and experiments without a row: said by run, status, why and provenance; exit statuses stay."""

import msgspec
import pytest

import morphseq_manifest
from morphseq_manifest.answers import warnings
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES


def warned(project: Project, *arguments: str) -> list[str]:
    """The lines of a command that warn; it must end with 0, also as JSON, with the same warnings."""
    lines = project.morphseq(*arguments).splitlines()
    told = [line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")]
    assert msgspec.json.decode(project.morphseq(*arguments, "--json"))["warnings"] == told
    return told


def test_frames_that_do_not_fit_are_said_by_run_status_and_why(project: Project) -> None:
    project.setting("most_unfit", 1)
    for frame in project.frames(SNAPSHOT).glob("A0[12]_*"):
        frame.rename(frame.with_name(frame.name.replace("_t0", "_0")))
    assert project.morphseq("run").count(f"warning: {SNAPSHOT}: frames and plate table do not fit: ") == 1
    told = (
        f"{SNAPSHOT}: frames and plate table do not fit: 2 of 24 plate rows without a frame, 2 of 24 files without a "
        "frame's name (as A01 0, A01_0000_stitch.png)"
    )
    assert told in warned(project, "run", "df01")
    assert told in warned(project, "status", "--experiments", SNAPSHOT)
    assert warned(project, "why", SNAPSHOT) == [told]
    assert told in warned(project, "why", "df01")
    assert warned(project, "why", TIME_LAPSE) == []
    records = morphseq_manifest.provenance("df01", project.root).records()
    lost = {row["experiment"]: [row[way] for way in ("without frame", "misnamed")] for row in records}
    assert lost[SNAPSHOT] == ["2 of 24 plate rows", "2 of 24 files"]
    assert lost[TIME_LAPSE] == ["", ""]
    assert "without row" not in records[0]
    assert "every row is as recorded" in project.morphseq("provenance", "df01", "--check")
    part = project.manifest("df01").experiments[SNAPSHOT]
    assert (part.funnel["plate_rows"], part.funnel["row_without_frame"], part.funnel["not_a_frame"]) == (24, 2, 2)


def test_an_experiment_without_a_usable_row_is_said_with_the_reasons(project: Project) -> None:
    project.setting("large_um2", 1000)
    output = project.morphseq("run", "df03")
    rows = project.manifest("df02").experiments[TIME_LAPSE].rows
    reason = f"df03: no usable row of {TIME_LAPSE}: LARGE_MASK {rows}"
    assert f"warning: {reason}" in output
    for arguments in (("status",), ("provenance", "df03"), ("why", "df03"), ("run", "df03")):
        assert any(line.startswith(reason) for line in warned(project, *arguments)), arguments
    assert not any("df02" in line for line in warned(project, "provenance", "df02"))
    assert "every row is as recorded" in project.morphseq("provenance", "df03", "--check")
    log = (project.root / ".dvc/tmp/morphseq/logs/df03.log").read_text()
    assert reason in log


def test_an_experiment_whose_wells_are_all_flagged_is_said_once_for_all_tables(project: Project) -> None:
    path = project.plate(SNAPSHOT)
    lines = path.read_text().splitlines()
    at = lines[0].split(",").index("well_qc_flag")
    cells = [line.split(",") for line in lines[1:]]
    flagged = [",".join([*row[:at], "1", *row[at + 1 :]]) for row in cells]
    replace_file(path, "\n".join([lines[0], *flagged, ""]).encode())
    project.morphseq("run")
    found = warnings.of_project(CohortSnapshot(project.root), [], ["df01", "df02", "df03"])
    assert found == [f"df01, df02, df03: no row of {SNAPSHOT}: 24 of 24 embryos in flagged wells"]
    for table in ("df01", "df02", "df03"):
        assert "every row is as recorded" in project.morphseq("provenance", table, "--check")
        assert f"{table}: no row of {SNAPSHOT}" in project.morphseq("provenance", table)


@pytest.mark.parametrize("damage", [b"", b"{}", b'{\n"problems":[{"kind"'])
def test_a_manifest_that_is_not_whole_is_told_as_the_state_of_its_stage(project: Project, damage: bytes) -> None:
    replace_file(project.root / f"manifests/images/{AWKWARD}.json", damage)
    replace_file(project.root / "manifests/df02.json", damage)
    snapshot = CohortSnapshot(project.root)
    assert not [line for line in warnings.of_project(snapshot, PLATES, ["df02"]) if AWKWARD in line]
    assert "out of date" in project.morphseq("status", "--experiments", AWKWARD, code=1)


def test_what_a_stage_warns_of_is_said_by_the_run_that_ran_it(project: Project) -> None:
    path = project.plate(SNAPSHOT)
    replace_file(path, path.read_bytes().replace(b",simulated,", b",YX1,"))
    told = f"qc_masks@{SNAPSHOT}: no masks by mask_v0_0100, via_v1_0100"
    assert f"warning: {told}" in project.morphseq("run", f"qc_masks@{SNAPSHOT}")
    assert told not in project.morphseq("run", f"qc_masks@{SNAPSHOT}")
