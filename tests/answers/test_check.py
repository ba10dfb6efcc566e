"""`morphseq check`: what a stage would refuse or warn of is told before anything runs, and nothing is changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from morphseq_manifest.cohort.manifests import canonical, images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import ImagesManifest
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
NEW = "20250305_1"
UNFIT = "frames and plate table do not fit: 1 of 48 plate rows without a frame (as A02 2)"
Damage = Callable[[Project], object]


def copy(project: Project, name: str) -> None:
    """The frames and the plate table of the snapshot plate, under another id, which stands in the table, too."""
    shutil.copytree(project.frames(SNAPSHOT), project.frames(name))
    project.plate(name).write_text(project.plate(SNAPSHOT).read_text().replace(SNAPSHOT, name))


def found(project: Project, *names: str, code: int = 0) -> dict[str, list[tuple[str, int, str]]]:
    """What is found, by experiment: how grave, with which exit status, and what."""
    told = json.loads(project.morphseq("check", "--json", *names, code=code))
    assert (told["schema"], told["exit_code"]) == ("morphseq/inputs/1", code)
    return {
        name: [(one["kind"], one["status"], one["text"]) for one in inputs["findings"]]
        for name, inputs in told["experiments"].items()
    }


def cell(row: int, column: str, text: str) -> Damage:
    """Another text in the plate table."""

    def change(project: Project) -> None:
        lines = project.plate(SNAPSHOT).read_text().splitlines()
        cells = lines[row].split(",")
        cells[lines[0].split(",").index(column)] = text
        lines[row] = ",".join(cells)
        replace_file(project.plate(SNAPSHOT), "\n".join([*lines, ""]).encode())

    return change


def replaced(old: str, new: str) -> Damage:
    """Another text everywhere in the plate table."""
    return lambda project: replace_file(
        project.plate(SNAPSHOT), project.plate(SNAPSHOT).read_text().replace(old, new).encode()
    )


def without_scale(project: Project) -> None:
    for row in range(1, 25):
        cell(row, "Width (um)", "")(project)


def without_frames(project: Project, name: str = "B*") -> None:
    for path in project.frames(SNAPSHOT).glob(name):
        path.unlink()


def files_of(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".dvc/tmp" not in str(path) and "__pycache__" not in str(path)
    }


def test_all_that_are_listed_with_a_row_each_and_nothing_is_changed(fresh: Project) -> None:
    before = files_of(fresh.root)
    output = Project(fresh.frames(SNAPSHOT)).morphseq("check", code=1)
    assert "3 experiments: 2 fine, 1 to look into\n" in output
    assert f"{TIME_LAPSE}                fine     96 frames in 12 wells, 96 rows, 8 um per px\n" in output
    assert f"{AWKWARD}  warning  {UNFIT}\n" in output
    assert found(fresh, code=1) == {TIME_LAPSE: [], SNAPSHOT: [], AWKWARD: [("warning", 1, UNFIT)]}
    assert found(fresh, SNAPSHOT) == {SNAPSHOT: []}
    copy(fresh, NEW)
    assert found(fresh, NEW) == {NEW: []}, "one that is not listed yet"
    shutil.rmtree(fresh.frames(NEW))
    fresh.plate(NEW).unlink()
    assert files_of(fresh.root) == before


def test_what_is_not_there_is_named_with_the_nearest(fresh: Project) -> None:
    copy(fresh, NEW)
    told = found(fresh, "20250035_1", "--segmenter", "treshold", code=4)["20250035_1"]
    assert [(kind, status) for kind, status, _ in told] == [("fault", 4)] * 3
    frames, plate, model = (text for _, _, text in told)
    assert frames == f"data/built_image_data/stitched_FF_images/20250035_1: no such folder. Did you mean '{NEW}'?"
    assert plate.startswith("data/metadata/built_metadata_files/20250035_1_metadata.csv: no such file. Did you mean")
    assert model.startswith("data/segmentation/segmentation_models/treshold: no such folder; there are ")
    assert model.endswith("Did you mean 'threshold'?")


@pytest.mark.parametrize(
    ("damage", "kind", "status", "told"),
    [
        (replaced("Width (um)", "Breite"), "fault", 3, "lacks the column(s) 'Width (um)'"),
        (cell(3, "Width (px)", "many"), "fault", 3, "row 4: Width (px) is 'many', not a number"),
        (cell(3, "temperature", "285"), "fault", 3, "row 4: temperature is '285', expected"),
        (cell(3, "well", "A13"), "fault", 3, "row 4: well 'A13' is not a well"),
        (cell(1, "Width (px)", "20"), "fault", 3, "not the frames of data/built_image_data"),
        (without_scale, "warning", 1, "no row gives a scale"),
        (without_frames, "fault", 3, "rows are without a frame"),
        (lambda p: without_frames(p, "A01*"), "warning", 1, "1 of 24 plate rows without a frame (as A01 0)"),
        (lambda project: without_frames(project, "*"), "fault", 4, "holds no frames"),
        (lambda p: replace_file(p.frames(SNAPSHOT) / "A01_t0000_stitch.png", b"no"), "fault", 4, "is not a whole PNG"),
        (lambda p: (p.plate("x").parent / f"{SNAPSHOT}_well_metadata.xlsx").write_bytes(b"no"), "fault", 3, "xlsx"),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_a_stage_would_refuse_or_warn_of(
    fresh: Project, damage: Damage, kind: str, status: int, told: str
) -> None:
    damage(fresh)
    (one,) = [one for one in found(fresh, SNAPSHOT, code=status)[SNAPSHOT] if told in one[2]]
    assert one[:2] == (kind, status)


@pytest.mark.parametrize("name", ["2025 03", "Fisch_ä", "-x", "a/b", "..", "20250101\n"])
def test_an_id_that_can_not_be_one_is_refused_with_the_reason(fresh: Project, name: str) -> None:
    ((kind, status, text),) = found(fresh, "--", name, code=2)[name]
    assert (kind, status) == ("fault", 2)
    assert f"{name!r} can't be an id: an id has letters, digits, '_', '-' and '.'" in text


def test_ids_that_differ_by_case_alone_are_refused_with_the_reason(fresh: Project) -> None:
    name = SNAPSHOT.upper()
    copy(fresh, name)
    ((_, _, text),) = found(fresh, name, code=2)[name]
    assert text.startswith(f"differs from {SNAPSHOT} by case alone")


def test_how_the_frames_are_read_is_as_params_say(fresh: Project) -> None:
    fresh.edit("params.yaml", f'"{SNAPSHOT}":\n', f'"{SNAPSHOT}":\n    channel: 7\n')
    ((kind, status, text),) = found(fresh, SNAPSHOT, code=4)[SNAPSHOT]
    assert (kind, status) == ("fault", 4)
    assert "channel" in text


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"dark_field":false', '"dark_field":true', "`reading`: not what frames and plate table give"),
        ('"um_per_px":8.0', '"um_per_px":4.0', "`um_per_px` is 4.0, expected 8.0"),
        ('"size":', '"size":1', "`frames`, `counts`: not what frames and plate table give"),
    ],
)
def test_a_manifest_forged_and_committed_everywhere_is_not_what_the_frames_give(
    fresh: Project, old: str, new: str, told: str
) -> None:
    fresh.run("dvc", "repro", f"images@{SNAPSHOT}")
    assert found(fresh, "--frames", SNAPSHOT) == {SNAPSHOT: []}
    path = fresh.root / f"manifests/images/{SNAPSHOT}.json"
    assert old in path.read_text()
    text = path.read_text().replace(old, new)
    honest = msgspec.json.decode(text, type=ImagesManifest)
    counts = images_manifest.count(honest.frames, honest.counts.rows)
    images_manifest.write(path, canonical.seal(msgspec.structs.replace(honest, counts=counts)))
    fresh.run("dvc", "commit", "--force", f"images@{SNAPSHOT}")
    assert fresh.run("dvc", "status", f"images@{SNAPSHOT}").strip() == "Data and pipelines are up to date."
    assert found(fresh, SNAPSHOT) == {SNAPSHOT: []}
    ((kind, status, text),) = found(fresh, "--frames", SNAPSHOT, code=3)[SNAPSHOT]
    assert (kind, status) == ("fault", 3)
    assert told in text


def test_every_frame_is_read_if_asked(fresh: Project) -> None:
    later = sorted(fresh.frames(TIME_LAPSE).glob("A01_*"))[3]
    replace_file(later, b"no")
    assert found(fresh, TIME_LAPSE) == {TIME_LAPSE: []}
    ((_, status, text),) = found(fresh, "--frames", TIME_LAPSE, code=4)[TIME_LAPSE]
    assert (status, f"{later.name} is not a whole PNG" in text) == (4, True)


def test_where_the_stages_can_not_be_run_it_says_so(fresh: Project, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "bin/python").chmod(0o755)
    morphseq = shutil.which("morphseq", path=fresh.environment()["PATH"])
    code, output = fresh.ending("env", f"PATH={tmp_path}/bin:/usr/bin:/bin", morphseq or "", "check")
    assert code == 2
    assert "`python -m stages.files.dry_run` ended with exit status 3" in output


def test_a_project_without_experiments_has_nothing_to_check(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.run("git", "init", "--quiet")
    project.run("dvc", "init", "--quiet")
    (tmp_path / "dvc.yaml").write_text("stages: {one: {cmd: touch x, outs: [x]}}\n")
    assert "lists no experiments" in project.morphseq("check", code=2)
