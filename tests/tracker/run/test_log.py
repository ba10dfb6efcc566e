"""`morphseq log`: every run that had something to do, by whomever, and how it ended."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from morphseq_manifest.base.journal import as_line
from morphseq_manifest.tracker.run import run_log
from morphseq_manifest.tracker.run.run_log import FOLDER, Begun, Line
from tests.faults.campaign import users
from tests.project import Project
from tests.running import DEADLINE_S, copy_of, differences, state_of, ticks, wait_until


@pytest.fixture
def project(slow_states: Path, tmp_path: Path) -> Project:
    """The slow toy, in which nothing has run."""
    return copy_of(slow_states / "nothing", tmp_path / "project")


def runs(project: Project, code: int = 0) -> list[dict[str, Any]]:
    found = json.loads(project.morphseq("log", "--json", "-n", "9999", code=code))
    assert (found["schema"], found["exit_code"]) == ("morphseq/log/1", code)
    told: list[dict[str, Any]] = found["runs"]
    return told


def test_runs_are_told_and_what_had_nothing_to_do_is_not(project: Project) -> None:
    assert project.morphseq("log") == "0 runs\n"
    project.morphseq("run", "images", "-j", "2")
    (project.root / "fail").write_text("data/df01.csv")
    project.morphseq("run", code=1)
    (project.root / "fail").unlink()
    project.morphseq("run")
    project.morphseq("run")
    project.morphseq("run", "--dry-run")
    project.morphseq("run", "nothing-of-the-kind", code=2)
    told = runs(project)
    assert [run["asked"] for run in told] == ["run", "run", "run images -j 2"]
    assert [(run["outcome"], run["exit_code"]) for run in told] == [("ok", 0), ("failed", 1), ("ok", 0)]
    assert [run["stages"].get("ran", 0) for run in told][2] == 3
    assert told[1]["stages"]["failed"] == told[1]["stages"]["blocked"] == 1
    assert sum(run["stages"].get("ran", 0) for run in told) == 12
    assert all(0 < run["seconds"] < DEADLINE_S for run in told)
    first, head, *lines = project.morphseq("log", "-n", "2").splitlines()
    assert first == "3 runs, the latest 2"
    assert head.split() == ["when", "who", "machine", "took", "ran", "restored", "failed", "outcome", "asked"]
    assert [line.split()[-5:-1] for line in lines] == [["2", "0", "0", "ok"], ["7", "0", "2", "failed"]]
    assert os.uname().nodename in lines[0]


def test_what_is_restored_is_counted(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    (project.root / "data/df01.csv").unlink()
    project.morphseq("run")
    assert runs(project)[0]["stages"] == {"restored": 1, "up to date": 11}


def begun(project: Project) -> subprocess.Popen[str]:
    """A run in the midst of its work."""
    (project.root / "hold").touch()
    runner = project.start("morphseq", "run", "-j", "2")
    wait_until(lambda: ticks(project) >= 2 or runner.poll() is not None, "for a stage to begin")
    return runner


def test_an_interrupted_run_and_one_that_runs(project: Project) -> None:
    with begun(project) as runner:
        (running,) = runs(project)
        assert [running[name] for name in ("outcome", "exit_code", "seconds", "stages")] == ["running", *[None] * 3]
        os.kill(runner.pid, signal.SIGINT)
        runner.communicate(timeout=DEADLINE_S)
    assert runner.returncode == 130
    (told,) = runs(project)
    assert (told["outcome"], told["exit_code"]) == ("interrupted", 130)


def test_a_killed_run_is_told_as_such_and_the_next_one_is_whole(project: Project) -> None:
    with begun(project) as runner:
        os.kill(runner.pid, signal.SIGKILL)
        runner.communicate(timeout=DEADLINE_S)
    (told,) = runs(project)
    assert (told["outcome"], told["exit_code"], told["seconds"]) == ("killed or lost", None, None)
    (project.root / "hold").unlink()
    project.morphseq("run")
    assert [run["outcome"] for run in runs(project)] == ["ok", "killed or lost"]


def write(root: Path, *lines: Line, name: str = "4711") -> None:
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    with (root / FOLDER / name).open("ab") as file:
        file.write(b"".join(map(as_line, lines)))


def test_of_other_machines_only_what_is_known_is_told(project: Project) -> None:
    mine = os.getpid()
    write(project.root, Line("a", 1e9, Begun("ada", "elsewhere", mine, "run")))
    assert [run["outcome"] for run in runs(project)] == ["not known"]
    # This process has the number of one that began long before it.
    write(project.root, Line("b", 1e9 + 1, Begun("bob", os.uname().nodename, mine, "run")))
    assert [run["outcome"] for run in runs(project)] == ["killed or lost"] * 2
    write(project.root, Line("a", 2e9, Begun("ada", "elsewhere", mine, "run")))
    assert [run["user"] for run in runs(project)] == ["ada", "bob", "ada"]


def test_names_do_nothing_to_a_terminal(project: Project) -> None:
    write(project.root, Line("a", 1e9, Begun("\x1b[2Jada\n", "m\u202e", 5, "run '\x1b[31m'")))
    for words in ((), ("--json",)):
        output = project.morphseq("log", *words)
        assert "\x1b" not in output
        assert "\u202e" not in output
    assert "\\x1b[2Jada" in project.morphseq("log")


def test_damaged_lines_and_a_stranger_s_numbers_are_left_out(project: Project) -> None:
    project.morphseq("run", "images")
    write(project.root, Line("x", -1.0, Begun("ada", "m", 5, "run")), Line("y", 1e300), Line("z" * 2000, 1.0))
    with (project.root / FOLDER / "4711").open("ab") as file:
        file.write(b"\xff\xfe\n{}\n" + b"0" * 32 + b" {}\n")
    assert len(runs(project)) == 1


def test_a_journal_that_can_not_be_written_hinders_nothing(project: Project, slow_states: Path) -> None:
    (project.root / FOLDER).parent.mkdir(parents=True, exist_ok=True)
    (project.root / FOLDER).write_text("in the way")
    output = project.morphseq("run")
    assert output.count("`morphseq log` will not know of this run") == 1
    assert differences(state_of(project.root), state_of(slow_states / "first")) == []
    assert "Not a directory" in project.morphseq("log", code=4)


def test_no_link_there_is_followed(project: Project) -> None:
    (project.root.parent / "precious").write_text("mine")
    (project.root / FOLDER).mkdir(parents=True)
    (project.root / FOLDER / str(os.geteuid())).symlink_to(project.root.parent / "precious")
    for command in ("run", "log"):
        assert "nothing here is ever a link" in project.morphseq(command, code=2)
    assert (project.root.parent / "precious").read_text() == "mine"


def test_it_is_bounded(project: Project) -> None:
    asked = "run " + "x" * 900
    write(
        project.root,
        *(Line(str(number), 1e9 + number, Begun("ada", "m", 5, asked)) for number in range(1500)),
        name=str(os.geteuid()),
    )
    project.morphseq("run", "images", *["images"] * 500)
    assert len(runs(project)) == 2 * run_log._KEPT + 1
    assert len(runs(project)[0]["asked"]) == 1000


def test_outside_of_a_project_it_says_so(tmp_path: Path) -> None:
    assert "not a DVC project" in Project(tmp_path).morphseq("log", code=2)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that others can get to."""
    if why := users.hinders():
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="log-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def other(project: Project, *words: str) -> tuple[int, str]:
    """What another user is told, whose git trusts the folder."""
    settings = project.root.parent / "gitconfig"
    settings.write_text("[safe]\n\tdirectory = *\n")
    environment = project.environment() | {"HOME": str(project.root.parent), "GIT_CONFIG_GLOBAL": str(settings)}
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "morphseq", *words],
        cwd=project.root, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


def test_two_users_of_one_folder_see_each_other_s_runs(slow_states: Path, shared: Path) -> None:
    project = copy_of(slow_states / "nothing", shared / "project")
    project.morphseq("status", code=1)
    users._open_up(project.root)
    project.morphseq("run", "images")
    kept = [project.root / FOLDER, *(project.root / FOLDER).iterdir()]
    modes = [path.stat().st_mode for path in kept]
    users._open_up(project.root)
    for path, mode in zip(kept, modes, strict=True):
        path.chmod(mode)
    code, output = other(project, "run", "sam2")
    assert code in {0, 1}, output  # that user may not be able to start a Python of root's
    mine, theirs = runs(project), json.loads(other(project, "log", "--json")[1])["runs"]
    assert mine == theirs
    assert [run["user"] for run in mine] == ["nobody", "root"]
    (project.root / FOLDER / "0").chmod(0o600)
    code, output = other(project, "log")
    assert (code, output.count("nobody")) == (4, 1)
    assert "runs/0: Permission denied" in output
