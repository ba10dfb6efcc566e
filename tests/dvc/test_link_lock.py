"""Where `core.hardlink_lock` is on, runs and DVC's commands keep each other out, and say by whom they are kept out."""

import os
from pathlib import Path

import pytest
from dvc.lock import LockError

from morphseq_manifest.tracker.dvc import project_lock
from morphseq_manifest.tracker.dvc.project_lock import BusyError
from tests.dvc.twins import Twins, repo_in

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
PIPELINE = "stages:\n  a:\n    cmd: cp in out\n    deps: [in]\n    outs: [out]\n"


@pytest.fixture
def twins(tmp_path: Path) -> Twins:
    twins = Twins(tmp_path, {"dvc.yaml": PIPELINE, "in": "1", ".gitignore": "/out\n"})
    twins.write({".dvc/config": "[core]\n    hardlink_lock = true\n"})
    twins.both(lambda root: (root / ".dvc/tmp/lock").unlink(missing_ok=True))  # that of `dvc init`, of the other kind
    return twins


def left(root: Path) -> list[str]:
    return [name for name in os.listdir(root / ".dvc/tmp") if "lock" in name and not name.startswith("rwlock")]


def test_a_run_takes_it_and_lets_go_of_it(twins: Twins) -> None:
    assert twins.check_run().ran == {"a"}
    assert left(twins.ours.root) == left(twins.theirs) == []
    assert twins.check_status()


def test_a_run_keeps_dvc_and_other_runs_out(twins: Twins) -> None:
    root = twins.ours.root
    with project_lock.held(root, 0):
        with repo_in(root) as repo, pytest.raises(LockError):
            repo.reproduce()
        with pytest.raises(BusyError, match=f"process {os.getpid()} "), project_lock.held(root, 0):
            pass
        assert f"process {os.getpid()} " in twins.ours.morphseq("run", code=1)
    assert left(root) == []


def test_a_dvc_command_keeps_a_run_out(twins: Twins) -> None:
    with repo_in(twins.ours.root) as repo, repo.lock:
        assert ".dvc/tmp/lock" in twins.ours.morphseq("run", code=1)
    twins.ours.morphseq("run")


def test_what_a_killed_run_left_is_named(twins: Twins) -> None:
    lock = twins.ours.root / ".dvc/tmp/lock"
    lock.write_text(f"{lock}|{os.uname().nodename}|{2**22 + 1}|7")
    assert f"already ended: delete {lock}" in twins.ours.morphseq("run", code=1)
    lock.write_text(f"{lock}|another.example|12|7")
    assert "process 12 on another.example" in twins.ours.morphseq("run", code=1)
