"""`morphseq add`, `remove`, `rename`: params.yaml is edited as one would by hand, and no frame or table is touched."""

import json
import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest
import zc.lockfile

from tests.answers.test_check import copy
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
IDS = ("20250305_1", "20201127_FishDev_WT_28.5_1")


def params(project: Project) -> str:
    return (project.root / "params.yaml").read_text()


def listed(project: Project) -> list[str]:
    return list(json.loads(project.morphseq("status", "--json", code=1))["experiments"])


def inputs_of(project: Project) -> dict[str, bytes]:
    folders = ("data/built_image_data", "data/metadata/built_metadata_files", "data/segmentation/segmentation_models")
    paths = (path for folder in folders for path in (project.root / folder).rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in paths}


def test_what_can_be_run_is_added_in_order_and_all_else_stays(fresh: Project) -> None:
    for name in IDS:
        copy(fresh, name)
    before = params(fresh)
    output = fresh.morphseq("add", *IDS, "20250035_1", TIME_LAPSE, IDS[0], "2025 03", code=4)
    assert "data/built_image_data/stitched_FF_images/20250035_1: no such folder\n" in output
    assert f"listed already: {TIME_LAPSE}\n" in output
    assert "not added: 20250035_1, 2025 03\n" in output
    assert f"added: {IDS[0]}, {IDS[1]}, with the segmenter threshold\n" in output
    first, later = (f'  "{name}":\n    segmenter: threshold\n' for name in reversed(IDS))
    at = before.index(f'  "{AWKWARD}"')
    assert params(fresh) == before[:at].replace("experiments:\n", f"experiments:\n{first}") + later + before[at:]
    assert "added: none\n" in fresh.morphseq("add", *IDS)
    assert listed(fresh) == sorted([*PLATES, *IDS])
    fresh.run("dvc", "status")


@pytest.mark.parametrize("name", IDS)
def test_ids_go_through_every_command(fresh: Project, name: str) -> None:
    copy(fresh, name)
    fresh.morphseq("add", name)
    fresh.morphseq("run", f"images@{name}")
    fresh.morphseq("status", "--experiments", name, code=1)
    fresh.morphseq("why", f"images@{name}")
    fresh.morphseq("verify", "--experiments", name)
    fresh.morphseq("provenance", "--experiment", name)
    assert "up to date" in fresh.run("dvc", "status", f"images@{name}")
    fresh.morphseq("remove", name, "--delete-outputs", "--yes")
    assert name not in params(fresh)


def test_new_are_those_with_frames_and_a_table(fresh: Project) -> None:
    for name in (*IDS, "20250401", "odd name"):
        copy(fresh, name)
    fresh.plate("20250401").unlink()
    replace_file(fresh.plate("20250402"), b"well\n")
    (fresh.frames("20250403")).mkdir()
    output = fresh.morphseq("add", "--new", code=2)
    assert f"added: {IDS[1]}, {IDS[0]}, with" in output
    assert "left out: 20250401: there is only data/built_image_data/stitched_FF_images/20250401\n" in output
    assert "left out: 20250402: there is only data/metadata/built_metadata_files/20250402_metadata.csv\n" in output
    assert "20250403" not in output
    assert "'odd name' can't be an id" in output


def test_a_list_may_have_blanks_comments_and_duplicates(fresh: Project, tmp_path: Path) -> None:
    for name in IDS:
        copy(fresh, name)
    (tmp_path / "plates.txt").write_text(f"\ufeff# of June\n\n{IDS[0]}  # good\r\n{IDS[1]}\n\n {IDS[0]}\n")
    output = fresh.morphseq("add", "--list", tmp_path / "plates.txt", "--segmenter", "build02")
    assert f"plates.txt: more than once: {IDS[0]}\n" in output
    assert f"added: {IDS[0]}, {IDS[1]}, with the segmenter build02\n" in output
    assert "unlisted" not in fresh.morphseq("status", code=1)


@pytest.mark.parametrize("arguments", [[], ["--new", "20250101"], ["--new", "--list", "params.yaml"]])
def test_which_to_add_is_said_in_one_way(fresh: Project, arguments: list[str]) -> None:
    assert "one of the three" in fresh.morphseq("add", *arguments, code=2)


def test_the_segmenter_is_asked_for_where_there_are_several(fresh: Project) -> None:
    copy(fresh, IDS[0])
    fresh.edit("params.yaml", f'"{AWKWARD}":\n    segmenter: threshold', f'"{AWKWARD}":\n    segmenter: build02')
    assert "have build02, threshold: say --segmenter S" in fresh.morphseq("add", IDS[0], code=2)
    fresh.morphseq("add", IDS[0], "--segmenter", "build02")


def test_nothing_is_edited_while_somebody_works_on_the_project(fresh: Project) -> None:
    copy(fresh, IDS[0])
    before = params(fresh)
    (fresh.root / ".dvc/tmp").mkdir(exist_ok=True)
    lock = zc.lockfile.LockFile(str(fresh.root / ".dvc/tmp/lock"))
    try:
        for command in (["add", IDS[0]], ["remove", AWKWARD]):
            assert "works on this project" in fresh.morphseq(*command, code=1)
    finally:
        lock.close()
    assert params(fresh) == before


def test_what_is_removed_leaves_its_outputs_unless_they_are_to_go(fresh: Project) -> None:
    fresh.morphseq("run", f"images@{AWKWARD}", f"images@{SNAPSHOT}")
    before, inputs = params(fresh), inputs_of(fresh)
    fresh.edit("params.yaml", f'"{AWKWARD}":', f'"{AWKWARD}":  # withdrawn')
    output = fresh.morphseq("remove", AWKWARD)
    assert "removed with it: # withdrawn\n" in output
    manifest = f"manifests/images/{AWKWARD}.json"
    assert f"removed: {AWKWARD}; left of it: 1 output (as {manifest}), 1 entry in dvc.lock\n" in output
    assert params(fresh) == before.replace(f'  "{AWKWARD}":\n    segmenter: threshold\n', "")
    assert (fresh.root / manifest).exists()
    assert "Did you mean" in fresh.morphseq("remove", "20250102", code=2)
    assert "give --yes too" in fresh.morphseq("remove", SNAPSHOT, "--delete-outputs", code=2)
    assert SNAPSHOT in params(fresh)
    output = fresh.morphseq("remove", SNAPSHOT, "--delete-outputs", "--yes")
    assert f"removed: {SNAPSHOT}; left of it: 0 outputs, 1 entry in dvc.lock\n" in output
    assert not (fresh.root / f"manifests/images/{SNAPSHOT}.json").exists()
    assert inputs_of(fresh) == inputs
    fresh.morphseq("remove", TIME_LAPSE)
    assert "experiments: {}\n" in params(fresh)
    fresh.run("dvc", "status")
    fresh.morphseq("add", TIME_LAPSE, "--segmenter", "threshold")
    assert "added: " in fresh.morphseq("add", "--new", code=0)
    assert params(fresh) == before, "the way back"


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_deleting_asks_first(fresh: Project, answer: str, code: int) -> None:
    fresh.morphseq("run", f"images@{SNAPSHOT}")
    manifest = fresh.root / f"manifests/images/{SNAPSHOT}.json"
    terminal, stdin = pty.openpty()
    os.write(terminal, f"{answer}\n".encode())
    done = subprocess.run(
        ["morphseq", "remove", SNAPSHOT, "--delete-outputs"], cwd=fresh.root, env=fresh.environment(), stdin=stdin,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    os.close(terminal)
    os.close(stdin)
    assert f"  manifests/images/{SNAPSHOT}.json\nDelete this 1 output?" in done.stderr
    assert (done.returncode, manifest.exists(), SNAPSHOT in params(fresh)) == (code, code == 1, code == 1)


def test_a_rename_says_what_to_move_and_then_is_one_line(fresh: Project) -> None:
    fresh.morphseq("run", f"images@{SNAPSHOT}")
    before, new = params(fresh), "20250102_b"
    moves = [(fresh.frames(SNAPSHOT), fresh.frames(new)), (fresh.plate(SNAPSHOT), fresh.plate(new))]
    notes = fresh.plate(SNAPSHOT).with_name(f"{SNAPSHOT}_notes.txt")
    notes.write_text("")
    output = fresh.morphseq("rename", SNAPSHOT, new, code=2)
    for old_path, new_path in (*moves, (notes, notes.with_name(f"{new}_notes.txt"))):
        assert f"  mv {old_path.relative_to(fresh.root)} {new_path.relative_to(fresh.root)}\n" in output
    assert params(fresh) == before
    for old_path, new_path in moves:
        shutil.move(old_path, new_path)
    assert "Is this the table of another plate?" in fresh.morphseq("rename", SNAPSHOT, new, code=3)
    assert params(fresh) == before
    replace_file(fresh.plate(new), fresh.plate(new).read_text().replace(SNAPSHOT, new).encode())
    inputs = inputs_of(fresh)
    output = fresh.morphseq("rename", SNAPSHOT, new)
    assert f"renamed: {SNAPSHOT} is {new}; left of {SNAPSHOT}: 1 output" in output
    assert f"still under the old id: {notes.relative_to(fresh.root)}. Move" in output
    assert params(fresh) == before.replace(SNAPSHOT, new)
    assert inputs_of(fresh) == inputs


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("20250102", "x", "is not listed in params.yaml. Did you mean '20250101'?"),
        (SNAPSHOT, TIME_LAPSE, "is listed already"),
        (SNAPSHOT, AWKWARD.lower(), "by case alone"),
        (SNAPSHOT, "a b", "can't be an id"),
        (SNAPSHOT, SNAPSHOT, "is its id already"),
    ],
)
def test_a_rename_that_can_not_be_is_refused(fresh: Project, old: str, new: str, told: str) -> None:
    before = params(fresh)
    assert told in fresh.morphseq("rename", old, new, code=2)
    assert params(fresh) == before
