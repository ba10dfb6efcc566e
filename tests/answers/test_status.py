"""`morphseq status`: every state a cell can have, what is in the tables, what is unusual; and that it only looks."""

import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import morphseq_manifest
from morphseq_manifest.answers.status import view
from morphseq_manifest.answers.status.report import Report
from morphseq_manifest.base.files import OWN
from morphseq_manifest.commands.status import _STATES
from morphseq_manifest.tracker.freshness.steps import State
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
EVERYTHING = dict.fromkeys(PLATES, "threshold")
GROUPS = ["images", "qc_masks", "sam2", "build03", "df01_part", "snips", "latents", "df03_part"]
SNIPS = "data/training_data/bf_embryo_snips"
MASKS = "data/segmentation/via_v1_0100_predictions"
MORPHSEQ = Path(sys.executable).parent / "morphseq"


def look(project: Project) -> Report:
    report: Report = morphseq_manifest.status(project.root, threads=2)
    return report


def late(project: Project) -> dict[str, str]:
    """The stages that are not up to date."""
    return {name: str(step.state) for name, step in look(project).steps.items() if not step.is_up_to_date}


def own(project: Project) -> dict[str, str]:
    """The same without those that only wait for another."""
    return {name: state for name, state in late(project).items() if state != "behind"}


def cells(output: str) -> dict[str, list[str]]:
    """The rows of the first table, by experiment: the cells, which lie two spaces apart."""
    rows = [line.split("  ") for line in output.partition("\n\n")[0].splitlines()[2:]]
    return {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}


def add(project: Project, name: str) -> None:
    """List another experiment, with the frames and the plate table of the snapshot plate."""
    shutil.copytree(project.frames(SNAPSHOT), project.frames(name))
    shutil.copy2(project.plate(SNAPSHOT), project.plate(name))
    project.experiments(EVERYTHING | {name: "threshold"})


def change_frame(project: Project, experiment: str = SNAPSHOT) -> Path:
    """Put one frame in the place of another."""
    folder = project.frames(experiment)
    frame = folder / "A01_t0000_stitch.png"
    replace_file(frame, (folder / "A02_t0000_stitch.png").read_bytes())
    return frame


def as_dvc_has_it(project: Project) -> None:
    """Stage by stage, `dvc status --json` says the same."""
    ours = {name: step.verdict.as_dvc() for name, step in look(project).steps.items() if step.verdict}
    assert ours == json.loads(project.run("dvc", "status", "--json"))


def test_after_a_run_all_is_up_to_date(project: Project) -> None:
    report = look(project)
    assert report.exit_code == 0
    assert report.groups == GROUPS
    assert report.model == "demo_a"
    assert {step.state for step in report.steps.values()} == {"up to date"}
    assert {name: table.rows for name, table in report.tables.items() if table.rows} == {
        name: project.manifest(name).rows for name in ("df01", "df02", "df03")
    }
    found = cells(project.morphseq("status"))
    row = ["up to date", "up to date 5/5", *["up to date"] * 6]
    assert found == {name: row for name in PLATES}


def test_a_changed_frame_is_out_of_date_and_what_comes_after_is_behind(project: Project) -> None:
    change_frame(project)
    output = project.morphseq("status", code=1)
    assert cells(output)[SNAPSHOT] == ["out of date", "behind 5/5", *["behind"] * 6]
    assert cells(output)[TIME_LAPSE] == ["up to date", "up to date 5/5", *["up to date"] * 6]
    assert f"`morphseq why images@{SNAPSHOT}` tells what changed" in output
    assert set(late(project)) == {f"{group}@{SNAPSHOT}" for group in GROUPS} | {"df01", "df02", "df03"}
    as_dvc_has_it(project)


def test_what_was_never_run_or_lost_an_output_is_missing(project: Project) -> None:
    add(project, "20990101")
    shutil.rmtree(project.root / MASKS / AWKWARD)
    project.table("df02").unlink()
    output = project.morphseq("status", code=1)
    assert cells(output)["20990101"] == ["missing", "missing 0/5", *["missing"] * 6]
    assert cells(output)[AWKWARD][1] == "missing 4/5"
    assert own(project) == {
        **{f"{group}@20990101": "missing" for group in GROUPS},
        f"qc_masks@{AWKWARD}": "missing",
        f"build03@{AWKWARD}": "out of date",  # it reads the masks that are gone
        "experiments": "out of date",
        "wells": "out of date",
        "df01": "out of date",
        "df02": "missing",
        "df03": "out of date",
    }
    as_dvc_has_it(project)


def test_an_id_or_a_name_with_a_typo_is_told_with_the_nearest_there_is(project: Project) -> None:
    """By status, why and a dry run, before anything runs; `why` has one cause, not one a stage."""
    shutil.copytree(project.frames(SNAPSHOT), project.frames("20990103"))
    shutil.copy2(project.plate(SNAPSHOT), project.plate("20990103"))
    project.experiments({**EVERYTHING, "20990013": "treshold"})
    frames = "data/built_image_data/stitched_FF_images/20990013"
    told = [
        f"warning: 20990013: {frames}: no such folder. Did you mean '20990103'?",
        "warning: 20990013: data/metadata/built_metadata_files/20990013_metadata.csv: no such file. "
        "Did you mean '20990103'?",
        "warning: 20990013: data/segmentation/segmentation_models/treshold: no such folder; there are bubble_v0_0100, "
        "build02, focus_v0_0100, mask_v0_0100 and 3 more. Did you mean 'threshold'?",
    ]
    for command in (["status"], ["status", "--experiments", "20990013"], ["why", "20990013"], ["run", "--dry-run"]):
        output = project.morphseq(*command, code=1)
        assert [line for line in output.splitlines() if line.startswith("warning: 20990013")] == told, command
    causes = json.loads(project.morphseq("why", "20990013", "--json", code=1))["causes"]
    changed = [cause["change"] for cause in causes]
    assert [change["name"] for change in changed if change["kind"] == "stage"] == ["images@20990013"]
    # What was there once is no typo: that is the verdict's to tell.
    shutil.rmtree(project.frames(SNAPSHOT))
    assert f"{SNAPSHOT}: no such folder" not in project.morphseq("status", code=1)


def test_a_failed_stage_says_why_until_it_has_run_well(project: Project) -> None:
    frame = project.frames(SNAPSHOT) / "A01_t0000_stitch.png"
    whole = frame.read_bytes()
    replace_file(frame, b"")
    project.repro(f"images@{SNAPSHOT}", fails=True)
    output = project.morphseq("status", code=1)
    assert cells(output)[SNAPSHOT][0] == "failed"
    assert f"images@{SNAPSHOT}: failed: " in output
    assert "A01_t0000_stitch.png is empty" in output
    replace_file(frame, whole)
    assert late(project) == {}, "as recorded again: nothing would run"


def test_a_model_that_is_switched_asks_for_its_latents_and_df03_alone(project: Project) -> None:
    project.edit("params.yaml", "model_name: demo_a", "model_name: demo_b")
    report = look(project)
    assert report.model == "demo_b"
    parts = {f"df03_part@{name}": "out of date" for name in PLATES}
    assert own(project) == {f"latents@{name}": "missing" for name in PLATES} | parts | {"df03": "out of date"}
    assert "latents of demo_b" in project.morphseq("status", code=1)
    as_dvc_has_it(project)


def test_the_tables_say_who_is_in_outdated_waiting_removed(project: Project) -> None:
    change_frame(project, TIME_LAPSE)
    shutil.copytree(project.frames(SNAPSHOT), project.frames("20990101"))
    project.experiments({TIME_LAPSE: "threshold", SNAPSHOT: "threshold", "20990101": "threshold"})
    report = look(project)
    for name in ("df01", "df02", "df03"):
        assert report.tables[name].experiments == {
            TIME_LAPSE: "outdated",
            SNAPSHOT: "outdated",  # what `wells` says of its plate is not known before that has run for the new list
            "20990101": "waiting",
            AWKWARD: "removed",
        }
    lines = {line.split()[0]: line.split() for line in project.morphseq("status", code=1).splitlines() if line}
    assert lines["df01"][:9] == ["df01", "out", "of", "date", "167", "0", "2", "1", "1"]
    assert report.unusual is not None
    assert set(report.unusual.orphans) == {AWKWARD}
    assert len(report.unusual.orphans[AWKWARD]) == 13 + len(GROUPS)


def test_a_table_that_was_never_made_waits_for_all(fresh: Project) -> None:
    report = look(fresh)
    assert report.exit_code == 1
    assert {step.state for step in report.steps.values()} == {"missing"}
    assert report.tables["df01"].experiments == dict.fromkeys(PLATES, "waiting")


def test_some_experiments_are_chosen_by_name(project: Project) -> None:
    change_frame(project, SNAPSHOT)
    output = project.morphseq("status", "--experiments", f"{AWKWARD},{TIME_LAPSE}")
    assert list(cells(output)) == [TIME_LAPSE, AWKWARD]
    assert "\ndf01 " not in output
    output = project.morphseq("status", "--experiments", SNAPSHOT, code=1)
    assert output.startswith("1 experiment: 1 out of date, 7 behind; latents of demo_a")
    said = project.morphseq("status", "--experiments", f"{TIME_LAPSE},20250102_snapshoot", code=2)
    assert f"'20250102_snapshoot' is not listed in params.yaml. Did you mean {SNAPSHOT!r}?" in said
    for command in (("status",), ("run",), ("verify",), ("show", "df01")):
        assert "no experiment is named: got ''" in project.morphseq(*command, "--experiments", "", code=2)


def test_experiments_after_a_day_are_chosen_and_those_without_a_date_listed(project: Project) -> None:
    output = project.morphseq("status", "--later-than", "20250101")
    assert list(cells(output)) == [SNAPSHOT]
    assert f"undated, and so left out: {AWKWARD}" in output
    report = morphseq_manifest.status(project.root, [SNAPSHOT], "20250102")
    assert (report.experiments, report.undated) == ({}, [])
    assert "undated" not in project.morphseq("status", "--later-than", "20250101", "--experiments", SNAPSHOT)


@pytest.mark.parametrize("day", ["20251301", "2025010", "2025-01-01", "202501011", "tomorrow", "²0250101"])
def test_what_is_no_day_is_refused(project: Project, day: str) -> None:
    assert f"'{day}' is not a day" in project.morphseq("status", "--later-than", day, code=2)


def test_verbose_names_all_that_is_not_up_to_date(project: Project) -> None:
    change_frame(project)
    plate = project.plate(AWKWARD)
    replace_file(plate, plate.read_bytes() + b"\n")
    output = project.morphseq("status", "--verbose", code=1)
    frames = project.frames(SNAPSHOT).relative_to(project.root)
    assert f"images@{SNAPSHOT}: out of date: {frames} modified" in output
    assert f"build03@{AWKWARD}: out of date: {plate.relative_to(project.root)} modified" in output
    assert "out of date: " not in project.morphseq("status", code=1)


def test_json_is_all_that_is_printed_and_the_exit_code_is_the_same(project: Project) -> None:
    def asked(*options: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [MORPHSEQ, "status", "--json", *options], cwd=project.root, capture_output=True, check=False
        )
        assert done.stderr == b""
        return done.returncode, msgspec.json.decode(done.stdout)

    code, found = asked()
    assert (code, found["exit_code"], found["schema"]) == (0, 0, view.SCHEMA)
    assert set(found["cohort"]) == {"experiments", "wells", "df01", "df02", "df03"}
    change_frame(project)
    code, found = asked()
    assert (code, found["exit_code"]) == (1, 1)
    step = found["experiments"][SNAPSHOT]["images"]
    assert step["changed"] == {"deps": {str(project.frames(SNAPSHOT).relative_to(project.root)): "modified"}}
    assert found["cohort"]["df01"]["experiments"][SNAPSHOT] == "outdated"
    (project.frames(SNAPSHOT) / "B09_t0000.png").symlink_to("nowhere")
    code, found = asked()
    assert (code, found["exit_code"]) == (4, 4)
    code, found = asked("--later-than", "20250101")
    assert (code, found["undated"], found["unusual"], found["cohort"]) == (4, [AWKWARD], None, {})


def in_terminal(project: Project, **environment: str) -> str:
    """What `morphseq status` shows in a terminal."""
    end, terminal = pty.openpty()
    settings = os.environ | {"TERM": "xterm-256color"} | environment
    with subprocess.Popen([MORPHSEQ, "status"], cwd=project.root, env=settings, stdout=terminal, stderr=terminal):
        os.close(terminal)
        parts = []
        try:
            while part := os.read(end, 1 << 16):
                parts.append(part)
        except OSError:
            pass  # how a terminal ends on Linux
    os.close(end)
    return b"".join(parts).decode()


def test_symbols_and_colours_are_for_terminals(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    change_frame(project)
    shown = in_terminal(project)
    assert "✗ out of date" in shown
    assert "\x1b[33m" in shown
    assert "✓ up to date 5/5" in shown
    plain = in_terminal(project, NO_COLOR="1")
    assert "✗ out of date" in plain
    assert "\x1b[" not in plain
    assert not {"✗", "\x1b"} & set(project.morphseq("status", code=1))


def test_what_is_unusual_is_named(project: Project) -> None:
    folder = project.frames("20990101")
    folder.mkdir()
    (folder / "A01_t0000.png").write_bytes(b"frame")
    project.frames("an_empty_one").mkdir()
    (project.root / "stages/snips.py").write_text((project.root / "stages/snips.py").read_text() + "\nMORE = 1\n")
    stray = project.root / SNIPS / "20240101"
    stray.mkdir()
    unusual = look(project).unusual
    assert unusual is not None
    assert unusual.unlisted == [str(folder.relative_to(project.root))]
    assert unusual.code == {"snips": "changed"}
    assert unusual.orphans == {"20240101": [f"{SNIPS}/20240101"]}
    output = project.morphseq("status", code=1)
    for text in ("unlisted: ", "code: snips is changed", "orphan: 20240101 is not listed"):
        assert text in output


def cut(path: Path) -> None:
    replace_file(path, path.read_bytes()[:-1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: min(folder.glob("*.tif")).unlink(),
        lambda folder: cut(min(folder.glob("*.tif"))),
        lambda folder: (folder / "contents.json").unlink(),
        lambda folder: shutil.copy2(min(folder.glob("*.tif")), folder / "more.tif"),
        lambda folder: [path.unlink() for path in folder.iterdir()],
    ],
    ids=["a stack is missing", "a stack is cut", "the index is missing", "a stack more", "all are missing"],
)
def test_a_half_written_folder_is_never_complete(project: Project, damage: Callable[[Path], object]) -> None:
    folder = project.root / SNIPS / SNAPSHOT
    (folder / ".morphseq-left.tmp").write_text("what a killed process left does not count")
    assert late(project) == {}
    damage(folder)
    assert own(project) == {f"snips@{SNAPSHOT}": "out of date", f"latents@{SNAPSHOT}": "out of date"}
    as_dvc_has_it(project)


def a_link_to_nothing(project: Project) -> None:
    (project.frames(SNAPSHOT) / "A01_t0009.png").symlink_to("nowhere")


def a_folder_that_is_a_link_to_nothing(project: Project) -> None:
    shutil.rmtree(project.frames(SNAPSHOT))
    project.frames(SNAPSHOT).symlink_to("nowhere")


def a_pipe(project: Project) -> None:
    os.mkfifo(project.frames(SNAPSHOT) / "A01_t0009.png")


def a_name_not_in_utf_8(project: Project) -> None:
    unlisted = project.frames(os.fsdecode(b"20990101_\xe9"))
    unlisted.mkdir()
    for folder in (project.frames(SNAPSHOT), unlisted):
        (folder / os.fsdecode(b"A01_t0000_\xe9.png")).write_bytes(b"frame")


@pytest.mark.parametrize("spoil", [a_link_to_nothing, a_folder_that_is_a_link_to_nothing, a_pipe, a_name_not_in_utf_8])
def test_what_can_not_be_read_spoils_its_own_cell(project: Project, spoil: Callable[[Project], None]) -> None:
    spoil(project)
    output = project.morphseq("status", code=4)
    found = cells(output)
    assert found[SNAPSHOT] == ["unreadable", "behind 5/5", *["behind"] * 6]
    assert found[TIME_LAPSE] == found[AWKWARD] == ["up to date", "up to date 5/5", *["up to date"] * 6]
    assert f"images@{SNAPSHOT}: unreadable: " in output
    assert msgspec.json.decode(project.morphseq("status", "--json", code=4))
    assert look(project).tables["df01"].experiments == {
        TIME_LAPSE: "current",
        SNAPSHOT: "outdated",
        AWKWARD: "current",
    }


def test_a_folder_without_permission_spoils_its_own_cell(project: Project) -> None:
    folder = project.frames(SNAPSHOT)
    folder.chmod(0)
    try:
        if os.access(folder, os.R_OK):
            pytest.skip("this user reads everything")
        assert own(project) == {f"images@{SNAPSHOT}": "unreadable"}
    finally:
        folder.chmod(0o755)


def test_a_bad_images_manifest_spoils_the_cells_that_have_it(project: Project) -> None:
    path = project.root / f"manifests/images/{SNAPSHOT}.json"
    replace_file(path, path.read_bytes()[:-100])
    assert own(project) == {
        f"{group}@{SNAPSHOT}": "out of date" for group in ("images", "qc_masks", "sam2", "snips", "df01_part")
    }
    assert look(project).tables["df03"].experiments == {
        TIME_LAPSE: "current",
        SNAPSHOT: "outdated",
        AWKWARD: "current",
    }


def test_a_bad_cohort_manifest_spoils_its_own_row(project: Project) -> None:
    path = project.root / "manifests/df02.json"
    replace_file(path, path.read_bytes()[:-10])
    report = look(project)
    assert report.exit_code == 4
    assert "df02.json" in str(report.tables["df02"].problem)
    assert report.tables["df01"].experiments == dict.fromkeys(PLATES, "current")
    assert own(project) == {"df02": "out of date", "df03": "out of date"}


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("dvc.lock", "stages: [", 3),
        ("params.yaml", "experiments: {20250101: {segmenter: threshold}}", 2),
        ("dvc.yaml", "stages: {images: {cmd: [}}", 2),
        ("dvc.yaml", None, 4),
        ("params.yaml", None, 4),
    ],
)
def test_what_all_depends_on_is_refused_and_named(project: Project, name: str, text: str | None, code: int) -> None:
    (project.root / name).unlink()
    if text is not None:
        (project.root / name).write_text(text)
    assert name in project.morphseq("status", code=code)


def test_the_same_verdict_as_dvc_after_a_checkout(project: Project) -> None:
    project.edit("params.yaml", "margin_um: 150", "margin_um: 140")
    change_frame(project)
    project.repro(f"images@{SNAPSHOT}")
    project.commit("Another frame and margin")
    as_dvc_has_it(project)
    for rev, expected in (("HEAD~1", {f"images@{SNAPSHOT}"}), ("main", {f"build03@{name}" for name in PLATES})):
        project.run("git", "checkout", "--quiet", rev)
        assert expected <= set(own(project))
        as_dvc_has_it(project)


def everything(root: Path) -> dict[str, Any]:
    """The content and stat of every file and link but for what is disposable, and the names of all folders."""
    found: dict[str, Any] = {}
    for folder, folders, names in os.walk(root):
        if Path(folder) == root / OWN.parent:
            folders.remove(OWN.name)
        for name in names:
            path = Path(folder, name)
            status = path.lstat()
            data = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
            found[str(path)] = (
                status.st_mode, status.st_ino, status.st_nlink, status.st_uid, status.st_mtime_ns, status.st_ctime_ns,
                hashlib.sha256(data).hexdigest(),
            )  # fmt: skip
        found |= {f"{folder}/{name}": None for name in folders}
    return found


def no_edit(project: Project) -> None:
    pass


def a_damaged_lock(project: Project) -> None:
    (project.root / "dvc.lock").write_text("stages:\n")


def another_frame(project: Project) -> None:
    change_frame(project)


def a_lost_folder(project: Project) -> None:
    shutil.rmtree(project.root / SNIPS / SNAPSHOT)


def other_code(project: Project) -> None:
    (project.root / "stages/df01.py").write_text("MORE = 1\n")


@pytest.mark.parametrize("edit", [no_edit, another_frame, a_lost_folder, a_link_to_nothing, a_damaged_lock, other_code])
def test_it_changedno_file_but_what_is_disposable(built: Path, tmp_path: Path, edit: Callable[[Project], None]) -> None:
    # No hard links: that another test makes one more of a file is seen in its stat.
    project = Project(shutil.copytree(built, tmp_path / "project", symlinks=True))
    edit(project)
    (project.root / OWN).mkdir(parents=True, exist_ok=True)
    before = everything(project.root)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    for command in (["status"], ["status", "--json", "--verbose"], ["why", "df03"], ["why", SNAPSHOT, "--json"]):
        subprocess.run([MORPHSEQ, *command], cwd=project.root, env=environment, capture_output=True, check=False)
    assert everything(project.root) == before
    assert list((project.root / OWN).iterdir())


@pytest.mark.parametrize("command", [["status"], ["why", "df03"]])
def test_it_imports_neither_dvc_nor_what_takes_long(project: Project, command: list[str]) -> None:
    change_frame(project)
    code = f"""\
import sys
from morphseq_manifest.commands.group import main
from morphseq_manifest.commands import status as status_command
from morphseq_manifest.tracker.freshness.steps import State
try:
    main({command!r})
except SystemExit as end:
    assert end.code == 1, end.code
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert not loaded & {{"dvc", "dvc_data", "dvc_objects", "pandas", "numpy", "rich", "git"}}, loaded
"""
    for _ in ("nothing is remembered", "all is"):
        done = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_it_can_be_asked_where_nothing_can_be_remembered(project: Project) -> None:
    shutil.rmtree(project.root / OWN, ignore_errors=True)
    (project.root / OWN).write_text("in the way")
    assert late(project) == {}
    change_frame(project)
    assert own(project) == {f"images@{SNAPSHOT}": "out of date"}


def test_the_functions_are_those_of_the_package_whatever_was_imported_before() -> None:
    import morphseq_manifest.answers.status.view
    import morphseq_manifest.answers.why.view

    for name in ("provenance", "status", "why"):
        assert getattr(morphseq_manifest, name).__name__ == name
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = morphseq_manifest.nothing


def test_only_what_is_in_a_state_is_shown_and_the_others_are_counted(project: Project) -> None:
    change_frame(project)
    said = project.morphseq("status", "--only", "out-of-date", code=1)
    assert "1 experiment: " in said.splitlines()[0]
    assert said.splitlines()[0].endswith("; 2 others are not shown")
    assert project.morphseq("status", "--only", "failed", code=1).startswith("0 experiments: ")
    told = json.loads(project.morphseq("status", "--only", "out-of-date", "--only", "failed", "--json", code=1))
    assert (len(told["experiments"]), told["exit_code"]) == (1, 1)
    assert {word.replace("-", " ") for word in _STATES} == {str(state) for state in State}
