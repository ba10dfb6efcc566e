"""What a run will take, as `morphseq run --dry-run` and `morphseq run` foretell it."""

import contextlib
import json
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from morphseq_manifest.base import shared_journal
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.stages import Output, Stage
from morphseq_manifest.tracker.run import disks, history, run_log
from morphseq_manifest.tracker.run.capacity import Capacity
from morphseq_manifest.tracker.run.disks import Disks
from morphseq_manifest.tracker.run.forecast import forecast
from morphseq_manifest.tracker.run.history import Amount, Took
from morphseq_manifest.tracker.run.options import Options
from morphseq_manifest.tracker.run.plan import plan
from morphseq_manifest.tracker.run.schedule import schedule
from morphseq_manifest.tracker.snapshot import Snapshot
from tests.project import Project
from tests.running import blocks, copy_of

ONE, TWO, ODD = "20240418", "20250305_1", "odd_v1.2"
GB = 10**9


@pytest.fixture
def project(slow_states: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The toy, in which nothing has run, on a machine without a GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    return copy_of(slow_states / "nothing", tmp_path / "project")


def write(project: Project, *records: Took) -> None:
    shared_journal.append(project.root / history.FOLDER, records)


def took(stage: str, seconds: float, made: int, read: int = 10, outs: int = 1, **others: Any) -> Took:
    about = {"cpu": seconds, "gpu": None, "memory": GB, **others}
    return Took(
        stage=stage, group=stage.partition("@")[0], at=1.0, seconds=seconds, read=Amount(1, read),
        made=[Amount(1, made)] * outs, **about,
    )  # fmt: skip


def size(*tops: Path) -> int:
    """The bytes of files, and of those in folders."""
    paths = [path for top in tops for path in (top, *top.rglob("*"))]
    return sum(path.stat().st_size for path in paths if path.is_file())


def planned(project: Project, *words: str) -> dict[str, Any]:
    output = project.morphseq("run", "--dry-run", "--json", *words, code=1)
    found: dict[str, Any] = json.loads(output[: output.index("\n}\n") + 3])
    return found


def test_without_a_history_nothing_is_told(project: Project) -> None:
    found = planned(project)
    assert (found["expected"], found["warnings"]) == (None, [])
    assert {row["expected"] for row in found["stages"]} == {None}
    assert "expected" not in project.morphseq("run", "--dry-run", code=1)


def test_a_dry_run_tells_seconds_of_each_stage_and_a_line_of_all(project: Project) -> None:
    for number in range(3):
        write(project, took(f"images@{number}", 100, 5000), took(f"sam2@{number}", 50, 7000, outs=2, gpu=50.0))
    output = project.morphseq("run", "--dry-run", "-j", "2", code=1)
    assert re.search(rf"images@{ONE} +runs +1 min 40 s +has not run yet\n", output)
    assert re.search(r"df01 +runs +- +has not run yet\n", output)
    (line,) = re.findall(r"^expected: .*", output, re.MULTILINE)
    # Three times 100 s and three times 50 s, two at a time, and what waits for what.
    assert "4 min 10 s with 2 jobs, 7 min 30 s of processors, 2 min 30 s of GPUs" in line
    assert "2.0 GB of memory at once; 57.0 kB of outputs; " in line
    assert line.endswith("; 6 stages not known, and not counted")
    found = planned(project, "-j", "2")
    told = found["expected"]
    assert (told["jobs"], told["seconds"], told["cpu"], told["gpu"]) == (2, 250, 450, 150)
    assert (told["memory"], told["written"], told["unknown"]) == (2 * GB, 57_000, 6)
    (disk,) = told["disks"]
    assert disk["place"] == str(project.root)
    assert (disk["needed"], disk["free"] > 0) == (57_000 + 3 * 7000, True), "tables also go into the cache"
    (row,) = (row for row in found["stages"] if row["stage"] == f"sam2@{ONE}")
    assert row["expected"] == {"seconds": 50, "cpu": 50, "gpu": 50, "memory": GB, "written": 14_000}


def test_what_the_runs_themselves_have_kept_is_taken(project: Project) -> None:
    project.morphseq("run")
    project.edit("params.yaml", "large: 0.15", "large: 0.3")
    found = planned(project)
    rows = {row["stage"]: row for row in found["stages"]}
    made = size(project.root / f"data/tables/{ONE}.csv", project.root / f"data/labels/{ONE}")
    assert rows[f"sam2@{ONE}"]["expected"]["written"] == made
    assert all(row["expected"] for row in rows.values())
    assert found["expected"]["unknown"] == 0
    beside = run_log.beside(project.root)
    assert 0 < beside < found["expected"]["seconds"]
    assert found["expected"]["seconds"] <= beside + sum(row["expected"]["seconds"] for row in rows.values())


def test_what_a_stage_will_read_that_is_not_there_yet_is_foretold_too(project: Project) -> None:
    """Ten bytes for each that `images` reads; `sam2` takes a second for each of these."""
    for given in (100, 200, 300, 400):
        write(project, took(f"images@{given}", 1, 10 * given, read=given))
        write(project, took(f"sam2@{given}", 10 * given + 5, 1, read=10 * given + 5, outs=2))
    frames = size(project.root / f"data/frames/{ONE}", project.root / f"data/plates/{ONE}.csv")
    model = size(project.root / "data/models/threshold")
    rows = {row["stage"]: row for row in planned(project)["stages"]}
    assert rows[f"images@{ONE}"]["expected"]["written"] == pytest.approx(10 * frames, abs=2)
    assert rows[f"sam2@{ONE}"]["expected"]["seconds"] == pytest.approx(10 * frames + model, rel=0.02)


def test_a_disk_that_will_be_full_is_foretold_and_the_run_begins_all_the_same(
    project: Project, slow_states: Path
) -> None:
    write(project, *(took(f"images@{number}", 1, 10**14) for number in range(3)))
    warned = f"{project.root}: its disk will be full: about 300.0 TB more are needed, "
    assert f"warning: {warned}" in project.morphseq("run", "--dry-run", code=1)
    assert [told.startswith(warned) for told in planned(project)["warnings"]] == [True]
    output = project.morphseq("run")
    assert output.index(f"warning: {warned}") < output.index("running images@")
    assert blocks(project.root) == blocks(slow_states / "first")
    assert "will be full" not in project.morphseq("run")


def test_a_run_with_ample_room_does_not_ask_what_would_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot, cache = Snapshot(project.root), Workspace(project.root).dvc_cache
    stages = [*snapshot.graph.stages.values()]
    assert not disks.is_ample(project.root, cache, stages, {}), "nobody knows"
    project.morphseq("run")
    recorded = Snapshot(project.root).entries
    assert disks.is_ample(project.root, cache, stages, recorded)
    some = {name: entry for name, entry in recorded.items() if not name.endswith(ODD)}
    assert disks.is_ample(project.root, cache, stages, some), "others of their groups are"
    monkeypatch.setattr(disks, "_free", lambda place: 1000)
    assert not disks.is_ample(project.root, cache, stages, recorded)
    project.edit("params.yaml", "large: 0.15", "large: 0.3")
    options = Options(jobs=2)
    (told,) = forecast(plan(project.root, options), options).warnings
    assert told.endswith(" more are needed, 1.0 kB are free. Make room first, or run fewer stages")


def test_a_run_that_people_watch_says_first_what_it_will_take(project: Project) -> None:
    project.morphseq("run")
    project.edit("params.yaml", "large: 0.15", "large: 0.2")
    end, terminal = pty.openpty()
    said = b""
    with subprocess.Popen(
        ["morphseq", "run"], cwd=project.root, env=project.environment(), stdout=subprocess.DEVNULL, stderr=terminal
    ):
        os.close(terminal)
        with contextlib.suppress(OSError):  # how a terminal ends on Linux
            while part := os.read(end, 1 << 16):
                said += part
    os.close(end)
    assert said.startswith(b"expected: "), said
    assert b" jobs, " in said.partition(b"\n")[0]
    assert "expected: " not in project.morphseq("run", "--force")


def test_a_plan_that_tells_what_is_free_is_worked_out_each_time(project: Project) -> None:
    project.morphseq("run")
    project.edit("params.yaml", "large: 0.15", "large: 0.3")
    before = planned(project)["expected"]["disks"][0]["free"]
    (project.root / "data/large").write_bytes(os.urandom(64 << 20))
    assert planned(project)["expected"]["disks"][0]["free"] < before


def disks_of(root: Path, links: str, present: int, sizes: list[int]) -> list[int]:
    (root / ".dvc").mkdir(exist_ok=True)
    (root / ".dvc/config").write_text(f"[cache]\n    type = {links}\n")
    outs = [Output(f"{number}", number == 0, False, False) for number in range(2)]
    stage = Stage("s", "s", None, "x", [], {}, outs, {}, False, False)
    adding = Disks(root, Workspace(root).dvc_cache, 1)
    for _ in range(3):
        adding.add(stage, sizes, lambda path: present)
    return [disk.needed for disk in adding.total()]


@pytest.mark.parametrize(
    ("links", "present", "expected"),
    [
        ("copy", 0, 3 * (10 + 100) + 3 * 10),
        ("hardlink", 0, 3 * 100 + 3 * 10),
        # What is there makes room, but one at a time stays until the new one is whole.
        ("copy", 1000, 100 + 3 * 10),
        ("symlink", 60, 3 * 40 + 60 + 3 * 10),
    ],
)
def test_what_is_needed_is_what_is_there_afterwards(tmp_path: Path, links: str, present: int, expected: int) -> None:
    assert disks_of(tmp_path, links, present, [10, 100]) == [expected]


BEFORE: dict[str, list[str]] = {"a": [], "b": [], "c": [], "d": ["a"], "e": ["d", "up to date"]}
SECONDS = {"a": 4.0, "b": 1.0, "c": 2.0, "d": 3.0, "e": 1.0}


@pytest.mark.parametrize(
    ("jobs", "needs", "devices", "expected"),
    [
        (1, {}, [], 11),
        (2, {}, [], 8),
        (9, {}, [], 8),
        (9, {"a": {"gpu": 1}, "b": {"gpu": 1}, "c": {"gpu": 1}}, ["0"], 8),
        (9, {"b": {"gpu": 1}, "c": {"gpu": 1}}, ["0"], 8),
        (2, {"a": {"cores": 2}}, [], 9),
        (2, {"a": {"cores": 99}}, [], 9),
    ],
)
def test_stages_are_given_out_as_a_run_gives_them_out(
    jobs: int, needs: dict[str, dict[str, float]], devices: list[str], expected: float
) -> None:
    wanted = {name: needs.get(name, {}) for name in SECONDS}
    found = schedule([*SECONDS], BEFORE, SECONDS, {}, wanted, Capacity(jobs, devices), jobs)
    assert found == (expected, 0)


def test_memory_is_that_of_stages_at_the_same_time() -> None:
    memory = {"a": 5, "b": 1, "c": 2, "d": 7, "e": 1}
    wanted: dict[str, dict[str, float]] = {name: {} for name in SECONDS}
    for jobs, most in ((1, 7), (2, 7), (3, 8)):
        assert schedule([*SECONDS], BEFORE, SECONDS, memory, wanted, Capacity(jobs, []), jobs).memory == most
