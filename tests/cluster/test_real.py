"""The same in a real queueing system: SLURM or Grid Engine, where one answers; `make slurm` brings one up."""

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests import toy
from tests.project import Project
from tests.running import (
    DEADLINE_S,
    MIXED,
    blocks,
    copy_of,
    differences,
    run_json,
    slow,
    state_of,
    status,
    ticks,
    wait_until,
)

pytestmark = pytest.mark.slow
_ASK = {"slurm": ["sinfo"], "sge": ["qstat"]}
_FILE = "kind: {kind}\njobs: 8\nneeds: {{memory: 200M, time: 10m}}\nretries: 5\nspelling: {{gpu: ''}}\n"
ROUNDS = int(os.environ.get("MORPHSEQ_ROUNDS", "3"))


@pytest.fixture(params=[*_ASK])
def kind(request: pytest.FixtureRequest) -> str:
    """A queueing system that answers."""
    found = str(request.param)
    ask = _ASK[found]
    if not shutil.which(ask[0]) or subprocess.run(ask, capture_output=True, timeout=30, check=False).returncode:
        pytest.skip(f"{found} does not answer here: `make slurm` brings up SLURM, as root on Debian")
    return found


@pytest.fixture
def pair(tmp_path: Path, kind: str) -> Iterator[tuple[Project, Project]]:
    """A project in which all has run here, and the same for the queueing system, in which nothing has."""
    here = slow(tmp_path / "here")
    there = copy_of(here.root, tmp_path / "there")
    run_json(here)
    (there.root / "cluster.yaml").write_text(_FILE.format(kind=kind))
    with (there.root / ".git/info/exclude").open("a") as file:
        file.write("cluster.yaml\n")
    (there.root / "ticks").touch()  # what is there, all jobs share
    yield here, there
    _cancel(kind, _jobs(kind))


def _jobs(kind: str) -> list[str]:
    """The jobs of this user that have not ended."""
    ask = ["squeue", "-h", "-r", "--me", "-o", "%i"] if kind == "slurm" else ["qstat", "-u", "*"]
    lines = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[0] for line in lines if line.strip()[:1].isdigit()]


def _cancel(kind: str, jobs: list[str]) -> None:
    if jobs:
        subprocess.run(["scancel" if kind == "slurm" else "qdel", *jobs], capture_output=True, check=False)


def test_a_run_leaves_what_a_run_here_leaves(kind: str, tmp_path: Path) -> None:
    here = toy.write(tmp_path / "here", MIXED)
    there = copy_of(here.root, tmp_path / "there")
    (there.root / "cluster.yaml").write_text(_FILE.format(kind=kind))
    (there.root / ".git/info/exclude").write_text("cluster.yaml\n")
    run_json(here)
    assert set(run_json(there, "--cluster", "cluster.yaml").values()) == {"ran"}
    assert differences(state_of(there.root), state_of(here.root)) == []
    assert status(there.root) == {}


def test_nothing_listens_while_jobs_run(kind: str, pair: tuple[Project, Project]) -> None:
    _, there = pair
    (there.root / "hold").touch()
    with there.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: ticks(there) > 0 or runner.poll() is not None, "for a stage to begin")
        mine = [psutil.Process(runner.pid), *psutil.Process(runner.pid).children(recursive=True)]
        sockets = [found for process in mine for found in process.net_connections()]
        assert not [found for found in sockets if found.status == psutil.CONN_LISTEN]
        (there.root / "hold").unlink()
        assert runner.wait(DEADLINE_S) == 0


def test_jobs_that_are_cancelled_and_runs_that_are_killed_at_random_change_nothing(
    kind: str, pair: tuple[Project, Project]
) -> None:
    here, there = pair
    draw = random.Random(7)
    for _ in range(ROUNDS):
        seen = ticks(there)
        (there.root / "pause").write_text("0.05")
        with there.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
            aim = seen + draw.randrange(1, 8)
            wait_until(lambda aim=aim: ticks(there) >= aim or runner.poll() is not None, "for some stages")  # type: ignore[misc]
            if jobs := _jobs(kind):
                _cancel(kind, [draw.choice(jobs)])
            wait_until(lambda aim=aim: ticks(there) > aim or runner.poll() is not None, "for the next")  # type: ignore[misc]
            how = draw.choice([signal.SIGKILL, signal.SIGTERM])
            if runner.poll() is None:
                os.kill(runner.pid, how)
            runner.wait(DEADLINE_S)
    (there.root / "pause").unlink()
    run_json(there, "--cluster", "cluster.yaml")
    assert blocks(there.root) == blocks(here.root)
    states = [state_of(root) for root in (there.root, here.root)]
    for state in states:
        del state["dvc.lock"]  # its entries stand in the order in which several runs have made them
    assert differences(*states) == []
    assert status(there.root) == {}
    assert not list((there.root / ".dvc/tmp/morphseq/jobs/attempts").iterdir())
