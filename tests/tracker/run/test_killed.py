"""`kill -9` of runner, worker or stage at any moment: nothing half-made is recorded, and the next run repairs all."""

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import Project, replace_file
from tests.running import (
    DEADLINE_S,
    at_work,
    blocks,
    children,
    copy_of,
    differences,
    reapers,
    run_json,
    state_of,
    status,
    ticks,
    wait_until,
    words_of,
    workers,
)  # fmt: skip

_VICTIMS = ("runner", "worker", "reaper", "stage", "runner and workers")


def kill(victim: str, runner: subprocess.Popen[str], chance: random.Random) -> None:
    """Kill one of a kind, if there is one."""
    found, reaping = workers(runner.pid), reapers(runner.pid)
    pids = {
        "runner": [runner.pid],
        "worker": found,
        "reaper": reaping,
        "stage": [pid for parent in (runner.pid, *found) for pid in children(parent) if pid not in {*found, *reaping}],
        "runner and workers": [runner.pid, *found, *reaping],
    }[victim]
    if victim in {"worker", "stage"} and pids:
        pids = [chance.choice(pids)]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def killings(seed: int) -> Iterator[tuple[str, int]]:
    """Whom to kill, and after how many steps."""
    chance = random.Random(seed)
    for _ in range(2):
        for victim in chance.sample(_VICTIMS, len(_VICTIMS)):
            yield victim, chance.randint(1, 12)


def killed(project: Project, jobs: int, victim: str, steps: int, chance: random.Random) -> tuple[int, str]:
    """Run, and kill after so many steps, if the run has not ended by then; how it ended, and what it said."""
    start = ticks(project)
    with project.start("morphseq", "run", "-j", str(jobs)) as runner:
        wait_until(lambda: ticks(project) >= start + steps or runner.poll() is not None, "for a moment to kill")
        if runner.poll() is None:
            kill(victim, runner, chance)
        output, _ = runner.communicate(timeout=DEADLINE_S)
    assert "Traceback" not in output
    wait_until(lambda: not at_work(project.root), "for what the runner had started to end")
    return runner.returncode, output


@pytest.mark.slow
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
    for victim, steps in killings(seed):
        code, output = killed(project, jobs, victim, steps, chance)
        for name, text in blocks(project.root).items():
            assert text in {old.get(name), new.get(name)}, f"{name} after the {victim} was killed: {output}"
        if code == 0:
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


# A stage in a worker, one started straight from the run, and one by a shell; how many processes work at each.
_STAGES = {"images@20240418": 3, "sam2@20240418": 2, "latents@20240418": 3}


@pytest.mark.parametrize(
    ("victim", "stage"),
    [
        ("worker", "images@20240418"),
        *((victim, stage) for victim in ("runner", "runner and workers") for stage in _STAGES),
    ],
)
def test_what_a_stage_has_started_outlives_nobody_by_whom_it_would_be_ended(
    slow_states: Path, tmp_path: Path, victim: str, stage: str
) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    hold = project.root / "hold"
    hold.touch()
    start = ticks(project)
    with project.start("morphseq", "run", "-j", "1", "--force", stage) as runner:
        wait_until(lambda: ticks(project) > start or runner.poll() is not None, "for the stage to begin")
        assert len(at_work(project.root)) >= _STAGES[stage]
        kill(victim, runner, random.Random(1))
        runner.communicate(timeout=DEADLINE_S)
    if victim == "runner and workers":
        hold.unlink()
        assert set(run_json(project).values()) <= {"ran", "restored", "up to date"}
    wait_until(lambda: not at_work(project.root), "for what the stage had started to end")


_WRITER = """\
value=$(cat in.txt)
mkdir out
echo $$ >> begun
while [ -e wait ]; do echo $value > out/a; sleep 0.01; done
echo $value > out/b
"""


# The last two leave nothing in their environment by which they could be known.
@pytest.mark.parametrize("command", ["sh writer.sh", "env -i sh writer.sh", "'env -i sh writer.sh; true'"])
@pytest.mark.parametrize("has_reaper", [True, False])
def test_a_stage_of_a_run_that_was_killed_never_writes_into_the_next(
    command: str, has_reaper: bool, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project")
    project.root.mkdir()
    project.run("git", "init", "-q")
    project.run("dvc", "init", "-q")
    texts = {
        "params.yaml": "experiments: {}\n", "writer.sh": _WRITER, "in.txt": "first\n", "begun": "", "wait": "",
        "dvc.yaml": f"stages:\n  slow: {{cmd: {command}, deps: [in.txt], outs: [out]}}\n",
    }  # fmt: skip
    for name, text in texts.items():
        (project.root / name).write_text(text)
    begun = project.root / "begun"
    with project.start("morphseq", "run") as runner:
        wait_until(lambda: len(begun.read_text().split()) == 1, "for the stage to begin")
        (mark,) = (project.root / ".dvc/tmp/morphseq/running").iterdir()
        wait_until(lambda: ":" in mark.read_text(), "for the run to have marked it")
        for pid in (*(() if has_reaper else reapers(runner.pid)), runner.pid):
            os.kill(pid, signal.SIGKILL)
        replace_file(project.root / "in.txt", b"second\n")
        with project.start("morphseq", "run") as second:
            wait_until(lambda: len(begun.read_text().split()) == 2, "for the stage to begin again")
            assert words_of(begun.read_text().split()[0])[:1] in ([], ["Z"])
            (project.root / "wait").unlink()
            assert second.wait(DEADLINE_S) == 0
    assert {path.read_text() for path in (project.root / "out").iterdir()} == {"second\n"}
    assert status(project.root) == {}
