"""A run always ends, and says how: whatever can't be written, whoever has stopped listening."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from morphseq_manifest.base import files
from tests.project import Project
from tests.running import copy_of, ticks, wait_until

NOTES = ".dvc/tmp/morphseq/failed"
FAILS = "import sys\nsys.exit('no luck')\n"
_HANGS_S = 60


@pytest.fixture
def edited(slow_states: Path, tmp_path: Path) -> Project:
    """The toy project, in which a frame, a setting and a command have changed since it ran."""
    return copy_of(slow_states / "edited", tmp_path / "project")


def ending(project: Project, *command: str, shell: str = "") -> subprocess.CompletedProcess[str]:
    """Run `morphseq`, with what `shell` says of its streams; it must end, without a traceback."""
    words = ["bash", "-c", f'"$@" {shell}', "bash", "morphseq", *command]
    done = subprocess.run(
        words,
        cwd=project.root,
        env=project.environment(),
        text=True,
        capture_output=True,
        timeout=_HANGS_S,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


def test_a_note_that_can_not_be_written_is_no_reason_to_wait(edited: Project) -> None:
    (edited.root / "stage.py").write_text(FAILS)
    (edited.root / ".dvc/tmp/morphseq").mkdir(parents=True, exist_ok=True)
    (edited.root / NOTES).write_text("a file in the place of the folder")
    assert ending(edited, "run").returncode == 1
    assert ending(edited, "status").returncode == 1


def test_a_note_in_another_encoding_is_shown_as_far_as_it_can_be(edited: Project) -> None:
    (edited.root / "stage.py").write_text(FAILS)
    (edited.root / NOTES).mkdir(parents=True)
    (edited.root / NOTES / "x.txt").write_bytes(b"\xff")
    (edited.root / NOTES / "images@20240418.txt").write_bytes(b"broken \xff here")
    assert ending(edited, "run").returncode == 1
    assert "broken" in ending(edited, "status", "--verbose").stdout


def test_what_can_not_be_set_aside_stays(edited: Project) -> None:
    aside = edited.root / ".dvc/tmp/morphseq/aside"
    aside.parent.mkdir(parents=True, exist_ok=True)
    aside.write_text("a file in the place of the folder")
    made = [path for path in (edited.root / "data").rglob("*.csv") if "plates" not in path.parts]
    before = {path: path.read_bytes() for path in made}
    assert ending(edited, "run").returncode == 1
    assert {path: path.read_bytes() for path in made if path.exists()}.keys() == before.keys()


def test_the_log_of_an_earlier_run_is_not_shown_as_the_cause(edited: Project) -> None:
    script = (edited.root / "stage.py").read_text()
    (edited.root / "stage.py").write_text("raise SystemExit('yesterday')\n")
    assert "yesterday" in ending(edited, "run", "images").stdout
    (edited.root / "stage.py").write_text(script)
    marks = edited.root / ".dvc/tmp/morphseq/running"
    marks.rmdir()
    marks.write_text("a file in the place of the folder")
    done = ending(edited, "run", "images")
    assert done.returncode == 1
    assert "could not be begun" in done.stdout
    assert "yesterday" not in done.stdout + done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(edited: Project, closed: str) -> None:
    assert ending(edited, "run", "--dry-run", shell=closed).returncode == 1
    assert ending(edited, "run", shell=closed).returncode == 0
    assert ending(edited, "run", "--dry-run", shell=closed).returncode == 0


def test_a_run_goes_on_when_nobody_reads_what_it_says(edited: Project) -> None:
    done = ending(edited, "run", shell="2>&1 | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines()[-1] == "0"
    assert ending(edited, "run", "--dry-run").returncode == 0


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_any_two_signals_end_a_run(edited: Project, first: signal.Signals) -> None:
    (edited.root / "hold").touch()
    before = ticks(edited)
    with edited.start("morphseq", "run") as runner:
        wait_until(lambda: ticks(edited) > before or runner.poll() is not None, "for a stage to begin")
        os.kill(runner.pid, first)
        os.kill(runner.pid, signal.SIGTERM)
        output, _ = runner.communicate(timeout=_HANGS_S)
    assert (runner.returncode, "Traceback" in output) == (130, False), output


def test_what_killed_commands_left_half_written_is_swept(edited: Project) -> None:
    root = edited.root
    places = [root, root / ".dvc/cache/runs", root / "data", root / ".dvc/tmp/morphseq/logs"]
    old, new = f"{files.TEMPORARY}{'0' * 32}.tmp", f"{files.TEMPORARY}{'1' * 32}.tmp"
    alive = files.beside(root / "it")
    with subprocess.Popen(["true"]) as process:
        process.wait()
    dead = alive.with_name(alive.name.replace(f"-{os.getpid()}-", f"-{process.pid}-"))
    for folder in places:
        folder.mkdir(exist_ok=True, parents=True)
        for name in (old, new, alive.name, dead.name):
            (folder / name).write_text("half")
        os.utime(folder / old, (time.time() - 2 * 24 * 3600,) * 2)
    assert ending(edited, "run").returncode == 0
    for folder in places:
        assert {path.name for path in folder.glob(f"{files.TEMPORARY}*")} == {new, alive.name}
