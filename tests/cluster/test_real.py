"""The same in a real queueing system, where one answers: `make slurm` brings up SLURM, `make sge` Grid Engine."""

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.project import Project, Started
from tests.running import (
    DEADLINE_S,
    blocks,
    copy_of,
    differences,
    run_json,
    state_of,
    status,
    ticks,
    wait_until,
)

pytestmark = pytest.mark.slow
_ASK = {"slurm": ["sinfo"], "sge": ["qstat"]}
_FILE = "kind: {kind}\njobs: 8\nneeds: {{memory: {memory}, time: 10m}}\nretries: 5\nspelling: {spelling}\n"
# Grid Engine's h_vmem limits what is reserved: libraries that get no more then end with a segmentation fault.
_SPELLING = {"slurm": "{gpu: ''}", "sge": "{gpu: '', memory: '-l mem_free={mib_per_core}M'}"}
# How often runs are disturbed at random, and what that is drawn from.
ROUNDS, SEED = int(os.environ.get("MORPHSEQ_ROUNDS", "3")), int(os.environ.get("MORPHSEQ_SEED", "7"))


class Case(NamedTuple):
    """A project in which nothing has run, one in which all has run here, what jobs need, how long a run may live."""

    fresh: Path
    here: Path
    memory: str
    seconds: float


@pytest.fixture(params=[*_ASK])
def kind(request: pytest.FixtureRequest) -> str:
    """A queueing system that answers."""
    found = str(request.param)
    ask = _ASK[found]
    if not shutil.which(ask[0]) or subprocess.run(ask, capture_output=True, timeout=30, check=False).returncode:
        pytest.skip(f"{found} does not answer here: `make {found}` brings it up, as root on Debian")
    return found


@pytest.fixture(params=["toy", "demo"])
def case(kind: str, request: pytest.FixtureRequest) -> Case:
    """The toy pipeline, whose stages wait a little, what `make demo` runs, or real plates."""
    if request.param == "toy":
        states = request.getfixturevalue("slow_states")
        return Case(states / "nothing", states / "first", "200M", 20)
    fresh = request.getfixturevalue("prepared" if request.param == "demo" else "real_plates")
    once = request.getfixturevalue("once")
    here = once(f"{request.param}-here", lambda folder: run_json(copy_of(fresh, folder), "df03"))
    return Case(fresh, here, "2G", 60)


def _for_queue(made: Project, kind: str, memory: str = "200M") -> Project:
    """A project, with a cluster file that git does not see."""
    (made.root / "cluster.yaml").write_text(_FILE.format(kind=kind, memory=memory, spelling=_SPELLING[kind]))
    with (made.root / ".git/info/exclude").open("a") as file:
        file.write("cluster.yaml\n")
    return made


def _jobs(kind: str) -> list[str]:
    """The jobs of this user that have not ended."""
    ask = ["squeue", "-h", "-r", "--me", "-o", "%i"] if kind == "slurm" else ["qstat", "-u", "*", "-g", "d"]
    lines = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split() for line in lines if line.strip()[:1].isdigit()]
    return [row[0] if kind == "slurm" or len(row) < 10 else f"{row[0]}.{row[-1]}" for row in rows]


def _cancel(kind: str, jobs: list[str]) -> None:
    if jobs:
        subprocess.run(["scancel" if kind == "slurm" else "qdel", *jobs], capture_output=True, check=False)


@pytest.mark.parametrize("case", ["toy", "demo", "fishdev"], indirect=True)
def test_a_run_leaves_what_a_run_here_leaves(kind: str, case: Case, tmp_path: Path) -> None:
    there = _for_queue(copy_of(case.fresh, tmp_path / "there"), kind, case.memory)
    assert set(run_json(there, "--cluster", "cluster.yaml", "df03").values()) == {"ran"}
    assert differences(state_of(there.root), state_of(case.here)) == []
    assert status(there.root) == {}


def test_nothing_listens_while_jobs_run(kind: str, slow_states: Path, tmp_path: Path) -> None:
    there = _for_queue(copy_of(slow_states / "nothing", tmp_path / "there"), kind)
    (there.root / "ticks").touch()  # what is there, all jobs share
    (there.root / "hold").touch()
    before = _listening()
    with there.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: ticks(there) > 0 or runner.poll() is not None, "for a stage to begin")
        assert runner.poll() is None
        assert _listening() == before
        (there.root / "hold").unlink()
        assert runner.wait(DEADLINE_S) == 0


def _listening() -> set[object]:
    """The ports of this machine at which anything listens."""
    return {found.laddr for found in psutil.net_connections() if found.status == psutil.CONN_LISTEN}


def test_jobs_that_are_cancelled_and_runs_that_are_killed_at_random_change_nothing(
    kind: str, case: Case, tmp_path: Path
) -> None:
    draw = random.Random(SEED)
    left = ROUNDS
    while left:
        there = _for_queue(copy_of(case.fresh, tmp_path / "there"), kind, case.memory)
        is_done = False
        if case.memory == "200M":
            (there.root / "pause").write_text("0.2")
        while left and not is_done:
            is_done, left = _disturbed(there, kind, draw, case.seconds), left - 1
        run_json(there, "--cluster", "cluster.yaml", "df03")
        _check_same(there, case.here)


def _disturbed(there: Project, kind: str, draw: random.Random, seconds: float) -> bool:
    """Begin a run, cancel jobs of it, and end it, all at random; whether it had ended by itself."""
    with there.start("morphseq", "run", "--cluster", "cluster.yaml", "df03") as runner:
        for _ in range(draw.randrange(1, 4)):
            is_done = _ends_within(runner, draw.uniform(0, seconds / 3))
            if jobs := _jobs(kind):
                _cancel(kind, [draw.choice(jobs)])
        if not is_done:
            os.kill(runner.pid, draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        output, _ = runner.communicate(timeout=DEADLINE_S)
        assert "Traceback" not in output, output
    return is_done


def _ends_within(runner: Started, seconds: float) -> bool:
    try:
        return runner.wait(seconds) is not None
    except subprocess.TimeoutExpired:
        return False


def _check_same(there: Project, here: Path) -> None:
    """Assert that a project is, to the byte, what a run here has left."""
    assert blocks(there.root) == blocks(here)
    states = [state_of(root) for root in (there.root, here)]
    for state in states:
        del state["dvc.lock"]  # its entries stand in the order in which several runs have made them
    assert differences(*states) == []
    assert status(there.root) == {}
    assert not list((there.root / ".dvc/tmp/morphseq/jobs/attempts").iterdir())
