"""Ctrl-C, failing stages, several runs at once, inputs that change: what is recorded is whole, and no lock stays."""

import errno
import hashlib
import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc import lock_writing
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run import cached, runner
from morphseq_manifest.tracker.run.options import Options
from morphseq_manifest.tracker.run.outcome import Result
from morphseq_manifest.tracker.run.running import run
from tests.project import REPOSITORY, Project
from tests.running import (
    DEADLINE_S,
    at_work,
    blocks,
    copy_of,
    differences,
    named,
    run_json,
    state_of,
    status,
    ticks,
    wait_until,
)  # fmt: skip

TABLE = "data/tables/20240418.csv"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", ["1", "4"])
def test_on_ctrl_c_and_sigterm_what_finished_is_recorded_and_nothing_stays_behind(
    slow_states: Path, tmp_path: Path, number: signal.Signals, jobs: str
) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    (project.root / "pause").write_text("0.02")
    with project.start("morphseq", "run", "-j", jobs) as runner:
        wait_until(lambda: ticks(project) >= 12 or runner.poll() is not None, "for some stages to run")
        (project.root / "hold").touch()
        os.kill(runner.pid, number)
        os.kill(runner.pid, signal.SIGINT)
        output, _ = runner.communicate(timeout=DEADLINE_S)
    (project.root / "hold").unlink()
    assert (runner.returncode, "Traceback" in output) == (130, False), output
    wait_until(lambda: not at_work(project.root), "for what was killed to end")
    finished = {line.split()[1] for line in output.splitlines() if line.startswith("ran ")}
    assert finished
    assert blocks(project.root).keys() == finished
    assert "changed deps" in project.status(), "and no lock is held"
    (project.root / "pause").unlink()
    ends = run_json(project)
    assert finished == named(ends, "up to date")
    assert blocks(project.root) == blocks(slow_states / "first")
    assert status(project.root) == {}


class Told:
    """Is told how it goes with the stages, and does something when it ended with the first."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.then = then
        self.names: list[str] = []

    def started(self, stage: Stage) -> None:
        pass

    def ended(self, result: Result) -> None:
        self.names.append(result.stage)
        if len(self.names) == 1:
            self.then()


def full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("when", ["is told", "writes the lock"])
@pytest.mark.parametrize(
    ("happens", "seen"), [(lambda: signal.raise_signal(signal.SIGINT), KeyboardInterrupt), (full, OSError)],
    ids=["Ctrl-C", "disk full"],
)  # fmt: skip
def test_whatever_the_runner_does_when_it_is_stopped_it_ends_and_what_finished_is_recorded(
    slow_states: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, happens: Callable[[], None],
    seen: type[BaseException],
) -> None:  # fmt: skip
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    monkeypatch.setenv("PATH", project.environment()["PATH"])
    once = [happens]

    class Writer(lock_writing.LockWriter):
        def write(self) -> None:
            if when == "writes the lock" and once:
                once.pop()()
            super().write()

    monkeypatch.setattr(runner, "LockWriter", Writer)
    before = signal.getsignal(signal.SIGINT)
    told = Told(happens if when == "is told" else lambda: None)
    with pytest.raises(seen):
        run(project.root, Options(jobs=2), lambda _: nullcontext(told))
    assert signal.getsignal(signal.SIGINT) == before
    assert blocks(project.root).keys() >= {told.names[0]}
    wait_until(lambda: not at_work(project.root), "for what was killed to end")
    assert named(run_json(project), "up to date") >= {told.names[0]}
    assert blocks(project.root) == blocks(slow_states / "first")


def test_after_a_failure_the_earlier_output_is_there_and_what_does_not_depend_on_it_has_run(
    slow_states: Path, tmp_path: Path
) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    before, entry = (project.root / TABLE).read_bytes(), blocks(project.root)["sam2@20240418"]
    (project.root / "fail").write_text(TABLE)
    output = project.morphseq("run", code=1)
    assert "sam2@20240418 failed: ended with code 1; its log is" in output
    assert f"  | can't make {TABLE}" in output
    assert (project.root / TABLE).read_bytes() == before
    assert blocks(project.root)["sam2@20240418"] == entry
    ends = run_json(project, code=1)
    assert named(ends, "failed") == {"sam2@20240418"}
    assert named(ends, "blocked") == {"latents@20240418", "df01", "df03"}
    assert named(ends, "up to date") == ends.keys() - {"sam2@20240418", "latents@20240418", "df01", "df03"}
    (project.root / "fail").unlink()
    run_json(project)
    assert blocks(project.root) == blocks(slow_states / "second")
    assert status(project.root) == {}


@pytest.mark.slow
def test_after_a_failure_dvc_has_deleted_the_earlier_output(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    (project.root / "stage.py").write_text("raise SystemExit('no luck')\n")
    project.repro("sam2@20250305_1", fails=True)
    assert not (project.root / "data/tables/20250305_1.csv").exists()


@pytest.mark.parametrize("path", ["data/df01.csv", "manifests/toy01.json", "data/df03/deep/B01.tif"])
def test_every_kind_of_output_is_put_back(slow_states: Path, tmp_path: Path, path: str) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    (project.root / "fail").write_text(path)
    stage = "df03" if "df03" in path else "df01"
    wanted = [name for name in state_of(project.root) if name.startswith(("data/df0", "manifests/toy"))]
    before = {name: state_of(project.root)[name] for name in wanted if stage == "df01" or "df03" in name}
    ends = run_json(project, code=1)
    assert named(ends, "failed") == {stage}
    after = state_of(project.root)
    assert {name: after[name] for name in before} == before
    assert not (project.root / ".dvc/tmp/morphseq/aside").exists() or not list(
        (project.root / ".dvc/tmp/morphseq/aside").iterdir()
    )
    (project.root / "fail").unlink()
    run_json(project)
    assert blocks(project.root) == blocks(slow_states / "second")


def test_what_was_made_before_is_put_back_without_the_cache_and_without_room(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    before = {name: one for name, one in state_of(project.root).items() if name.startswith("data/df03/")}
    (project.root / "stage.py").write_text("import shutil, sys; shutil.rmtree('.dvc/cache'); sys.exit('no luck')")
    assert "could not be put back" not in project.morphseq("run", "--force", "df03", code=1)
    assert {name: one for name, one in state_of(project.root).items() if name.startswith("data/df03/")} == before


def test_if_what_was_made_before_can_not_be_put_back_that_is_said_after_why_the_stage_failed(
    slow_states: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk, if the folder of the outputs is on another than the project's."""

    class Heard(Told):
        def ended(self, result: Result) -> None:
            self.names.append(result.why)

    def other_disk(path: Path, to: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    project, told = copy_of(slow_states / "first", tmp_path / "project"), Heard()
    monkeypatch.setenv("PATH", project.environment()["PATH"])
    monkeypatch.setattr(Path, "rename", other_disk)
    monkeypatch.setattr(cached.Cached, "bring_back", lambda *_: full())
    (project.root / "fail").write_text("data/df03/A01.tif")
    run(project.root, Options(targets=("df03",), force=True), lambda _: nullcontext(told))
    (why,) = told.names
    assert why.startswith("ended with code 1; its log is ")
    lost = "data/df03, which it made before, could not be put back: input or output: No space left on device"
    assert why.endswith(f". {lost}. `dvc checkout data/df03` does")


def test_an_output_of_a_first_run_that_failed_does_not_stay_half_made(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    (project.root / "fail").write_text(TABLE)
    assert "sam2@20240418" in named(run_json(project, code=1), "failed")
    assert not (project.root / TABLE).exists()


def test_fail_fast_begins_nothing_after_a_failure(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    (project.root / "fail").write_text("manifests/images/20240418.json")
    lines = project.morphseq("run", "--fail-fast", "-j", "1", code=1).splitlines()
    assert [line for line in lines if line.startswith("running ")][-1] == "running images@20240418"
    assert "failed images@20240418: ended with code 1" in "\n".join(lines)


def test_a_second_run_says_who_works_on_the_project_or_waits(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    (project.root / "hold").touch()
    with project.start("morphseq", "run", "-j", "2") as first:
        wait_until(lambda: ticks(project) > 0 or first.poll() is not None, "for the first stage to begin")
        output = project.morphseq("run", code=1)
        assert f"process {first.pid} (" in output
        assert "works on this project" in output
        with project.start("morphseq", "run", "--wait", str(DEADLINE_S)) as second:
            assert second.stdout
            assert f"waiting for process {first.pid} (" in second.stdout.readline()
            (project.root / "hold").unlink()
            assert "up to date" in second.communicate(timeout=DEADLINE_S)[0]
        first.communicate(timeout=DEADLINE_S)
    assert (first.returncode, second.returncode) == (0, 0)
    assert blocks(project.root) == blocks(slow_states / "first")


@pytest.mark.slow
def test_a_run_beside_dvc_repro_says_so_or_waits_and_the_lock_stays_whole(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    start = ticks(project)
    (project.root / "hold").touch()
    with project.start("dvc", "repro") as theirs:
        wait_until(lambda: ticks(project) > start or theirs.poll() is not None, "for the first stage to begin")
        output = project.morphseq("run", code=1)
        assert f"process {theirs.pid} (" in output
        assert "dvc repro) works on this project" in output
        with project.start("morphseq", "run", "--wait", str(DEADLINE_S)) as ours:
            assert ours.stdout
            assert "waiting for process" in ours.stdout.readline()
            (project.root / "hold").unlink()
            theirs.communicate(timeout=DEADLINE_S)
            ours.communicate(timeout=DEADLINE_S)
    assert (ours.returncode, theirs.returncode) == (0, 0)
    assert blocks(project.root) == blocks(slow_states / "second")
    assert status(project.root) == {}


@pytest.mark.slow
def test_dvc_repro_waits_for_a_run_or_says_that_another_works_there(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    start = ticks(project)
    (project.root / "hold").touch()
    with project.start("morphseq", "run") as ours:
        wait_until(lambda: ticks(project) > start or ours.poll() is not None, "for the first stage to begin")
        assert "Unable to acquire lock" in project.run("dvc", "repro", fails=True)
        with project.start("dvc", "--wait-for-lock", "repro") as theirs:
            (project.root / "hold").unlink()
            assert "Running stage" not in theirs.communicate(timeout=DEADLINE_S)[0]
        ours.communicate(timeout=DEADLINE_S)
    assert (ours.returncode, theirs.returncode) == (0, 0)
    assert differences(state_of(project.root), state_of(slow_states / "second")) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"write": {"/data/df01.csv": {"pid"',
        "",
        '{"write": 3}',
        '{"read": {"/a": [{"pid": 4194304, "cmd": "dvc repro"}]}}',
    ],
)
def test_what_a_killed_dvc_left_in_its_lock_is_no_hindrance(slow_states: Path, tmp_path: Path, text: str) -> None:
    project = copy_of(slow_states / "second", tmp_path / "project")
    (project.root / ".dvc/tmp/rwlock").write_text(text)
    assert set(run_json(project, "df03").values()) == {"up to date"}
    assert "up to date" in project.status()


def test_an_input_that_changes_while_its_stage_runs_is_named_and_the_stage_not_recorded(
    slow_states: Path, tmp_path: Path
) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    (project.root / "hold").touch()
    with project.start("morphseq", "run", "-j", "1", "images@20240418") as runner:
        wait_until(lambda: ticks(project) > 0 or runner.poll() is not None, "for the stage to begin")
        (project.root / "data/plates/20240418.csv").write_text("well\ncorrected\n")
        (project.root / "hold").unlink()
        output, _ = runner.communicate(timeout=DEADLINE_S)
    assert runner.returncode == 1
    assert (
        "data/plates/20240418.csv: changed while stage images@20240418 ran, which is therefore not recorded" in output
    )
    assert blocks(project.root) == {}
    assert run_json(project, "images@20240418") == {"images@20240418": "ran"}


def test_what_a_stage_did_not_make_and_what_is_not_there_for_it_is_named(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    project.edit("dvc.yaml", "      - data/df03\n", "      - data/df03\n      - data/never.csv\n")
    output = project.morphseq("run", code=1)
    assert "data/never.csv: was not made. Stage df03 should have made it: see its log" in output
    assert blocks(project.root) == blocks(slow_states / "first")
    project.edit("params.yaml", "  df01: 1\n", "")
    output = project.morphseq("run", code=1)
    assert "'versions.df01', which stage df01 depends on, is missing" in output
    shutil.rmtree(project.root / "data/models/other")
    output = project.morphseq("run", code=1)
    assert "data/models/other: not there. Stage sam2@odd_v1.2 depends on it" in output


def test_several_threads_may_look_again_at_the_same_files(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    paths = ["data/models/other", "data/models/threshold", "data/df01.csv"]
    workspace = Workspace(project.root, threads=2)
    expected = dict(workspace.look(paths))
    wrong: list[object] = []

    def look() -> None:
        try:
            for _ in range(300):
                found = workspace.look_again(paths)
                if {path: found[path] for path in paths} != expected:
                    wrong.append(found)
        except Exception as error:  # noqa: BLE001 - told below
            wrong.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_a_killed_run_set_aside_is_put_back_but_not_over_what_was_made_since(
    slow_states: Path, tmp_path: Path
) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    manifest = project.root / "manifests/toy01.json"
    made, aside = manifest.read_text(), project.root / ".dvc/tmp/morphseq/aside/df01/1"
    other = aside.parents[1] / "left@gone/0"
    for path, text in ((aside, made), (other, "of a stage that is no more")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    manifest.write_text("half-ma")
    assert set(run_json(project, "images").values()) == {"up to date"}
    assert manifest.read_text() == made
    assert not list(aside.parents[1].iterdir())

    aside.parent.mkdir(parents=True)
    aside.write_text("made before the manifest that is there")
    assert set(run_json(project).values()) == {"up to date"}
    assert manifest.read_text() == made


def test_what_can_not_be_put_back_after_a_failure_is_kept_until_it_can(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    manifest = project.root / "manifests/toy01.json"
    made, definition = manifest.read_text(), (project.root / "dvc.yaml").read_text()
    command = next(line for line in definition.splitlines() if "manifests/toy01.json" in line and "cmd" in line)
    broken = definition.replace(command, "    cmd: mv manifests elsewhere && touch manifests && exit 1")
    (project.root / "dvc.yaml").write_text(broken)
    output = project.morphseq("run", "df01", "--force", code=1)
    assert "Not a directory" in output
    (project.root / "manifests").unlink()
    (project.root / "elsewhere").rename(project.root / "manifests")
    assert not manifest.exists()
    (project.root / "dvc.yaml").write_text(definition)
    assert set(run_json(project, "images").values()) == {"up to date"}
    assert manifest.read_text() == made


def test_where_there_is_no_dvc_project_that_is_said(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    assert "not a DVC project: there is no folder .dvc" in Project(tmp_path).morphseq("run", code=2)
    (tmp_path / "dvc.yaml").write_text("stages:\n  one:\n    cmd: 'true'\n")
    assert "not a DVC project: there is no folder .dvc" in Project(tmp_path).morphseq("run", code=2)


@pytest.mark.parametrize("path", ["data/df01.csv", "data/df03/deep/B01.tif"])
def test_what_is_damaged_in_the_cache_is_not_restored_but_made_again(
    slow_states: Path, tmp_path: Path, path: str
) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    md5 = hashlib.md5((project.root / path).read_bytes(), usedforsecurity=False).hexdigest()
    cached = project.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"
    cached.chmod(0o644)
    cached.write_text("damaged")
    cached.chmod(0o444)  # DVC takes it for whole
    (project.root / path).unlink()
    ends = run_json(project)
    assert named(ends, "ran") == {"df03" if "df03" in path else "df01"}
    assert differences(state_of(project.root), state_of(slow_states / "first")) == []
