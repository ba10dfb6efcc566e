"""`kill -9` of the runner, of a worker, of a stage at any moment: nothing half-made is recorded, and all comes right."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.project import Project
from tests.running import differences, run_json, slow, state_of, status

_DEADLINE_S = 120
_VICTIMS = ("runner", "worker", "stage", "runner and workers")


@pytest.fixture(scope="session")
def slow_states(shared: Path, once: Callable[[Path, Callable[[Path], None]], Path]) -> Path:
    """The slow toy in folders: `nothing` has run, `first` after `dvc repro`, `edited`, and `second` after another."""

    def build(folder: Path) -> None:
        folder.mkdir()
        slow(folder / "nothing")
        for before, after in (("nothing", "first"), ("edited", "second")):
            if after == "second":
                edited = copy_of(folder / "first", folder / "edited")
                (edited.root / "data/frames/20240418/A01_t0001.png").write_text("another frame")
                edited.edit("params.yaml", "large: 0.15", "large: 0.2")
                edited.edit("dvc.yaml", "python stage.py '${key}' data/labels", "python stage.py 'x${key}' data/labels")
            copy_of(folder / before, folder / after).repro()

    return once(shared / "slow", build)


def copy_of(source: Path, to: Path) -> Project:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(source, to, symlinks=True)
    return Project(to)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _DEADLINE_S
    while not holds():
        assert time.monotonic() < until, f"waited too long: {what}"
        time.sleep(0.001)


def ticks(project: Project) -> int:
    path = project.root / "ticks"
    return path.stat().st_size if path.exists() else 0


def words_of(pid: str) -> list[str]:
    """What the kernel says of a process: state, parent, group, session."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def children(parent: int) -> list[int]:
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and words_of(pid)[1:2] == [str(parent)]]


def workers(runner: int) -> list[int]:
    return [pid for pid in children(runner) if b"morphseq_manifest.run.worker" in command(pid)]


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def at_work(root: Path) -> list[bytes]:
    """The processes that are still at work in a project."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(os.readlink(f"/proc/{pid}/cwd")) == root and words_of(pid)[:1] not in ([], ["Z"]):
                found.append(command(int(pid)))
        except OSError:
            continue
    return found


def kill(victim: str, runner: subprocess.Popen[str], chance: random.Random) -> None:
    """Kill one of a kind, if there is one."""
    found = workers(runner.pid)
    pids = {
        "runner": [runner.pid],
        "worker": found,
        "stage": [pid for worker in found for pid in children(worker)],
        "runner and workers": [runner.pid, *found],
    }[victim]
    if victim in {"worker", "stage"} and pids:
        pids = [chance.choice(pids)]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def blocks(root: Path) -> dict[str, str]:
    """The entries of dvc.lock as they stand there."""
    path = root / "dvc.lock"
    text = path.read_text() if path.exists() else "schema: '2.0'\nstages:\n"
    head, *found = text.replace("\n  ", "\n\0  ").split("\0  ")
    assert head == "schema: '2.0'\nstages:\n"
    assert text.endswith("\n")
    entries: dict[str, str] = {}
    name = ""
    for part in found:
        if not part.startswith((" ", "-")):
            name = part.partition(":\n")[0]
        entries[name] = entries.get(name, "") + part
    return entries


def killings(seed: int) -> Iterator[tuple[str, int]]:
    """Whom to kill, and after how many steps."""
    chance = random.Random(seed)
    while True:
        for victim in chance.sample(_VICTIMS, len(_VICTIMS)):
            yield victim, chance.randint(1, 12)


@pytest.mark.parametrize(
    ("before", "after", "jobs", "seed"),
    [("nothing", "first", 1, 1), ("nothing", "first", 4, 2), ("edited", "second", 1, 3), ("edited", "second", 4, 4)],
)
def test_whatever_is_killed_nothing_half_made_is_recorded_and_the_next_run_ends_in_the_same_bytes(
    slow_states: Path, tmp_path: Path, before: str, after: str, jobs: int, seed: int
) -> None:
    project = copy_of(slow_states / before, tmp_path / "project")
    (project.root / "pause").write_text("0.02")
    old, new = blocks(slow_states / before), blocks(slow_states / after)
    chance = random.Random(seed)
    killed = 0
    for victim, steps in killings(seed):
        start = ticks(project)
        with project.start("morphseq", "run", "-j", str(jobs)) as runner:
            wait_until(lambda: ticks(project) >= start + steps or runner.poll() is not None, "for a moment to kill")
            if runner.poll() is None:
                kill(victim, runner, chance)
                killed += 1
            output, _ = runner.communicate(timeout=_DEADLINE_S)
        assert "Traceback" not in output
        wait_until(lambda: not at_work(project.root), "for what the runner had started to end")
        for name, text in blocks(project.root).items():
            assert text in {old.get(name), new.get(name)}, f"{name} after the {victim} was killed: {output}"
        if killed == 8:
            break
        if runner.returncode == 0:
            project = copy_of(slow_states / before, tmp_path / "project")
            (project.root / "pause").write_text("0.02")
    (project.root / "pause").unlink()
    by_dvc = copy_of(project.root, tmp_path / "by_dvc")
    assert set(run_json(project).values()) <= {"ran", "restored", "up to date"}
    by_dvc.repro()
    assert differences(state_of(project.root), state_of(by_dvc.root)) == []
    assert blocks(project.root) == new
    assert status(project.root) == {}
    left = project.root / ".dvc/tmp/morphseq"
    assert not [*(left / "aside").glob("*"), *(left / "running").glob("*")]
