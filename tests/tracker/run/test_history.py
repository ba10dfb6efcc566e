"""What stages take is kept, as it was; a history that is damaged, or can't be written, hinders nobody."""

import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest

from morphseq_manifest.base import system
from morphseq_manifest.base.journal import as_line
from morphseq_manifest.tracker.run import history
from morphseq_manifest.tracker.run.history import Amount, History, Took
from tests.conftest import Once
from tests.project import Project
from tests.running import blocks, copy_of, run_json

MIB = 1 << 20
USES = """\
import sys, time
from pathlib import Path
def use():
    held = b"x" * (200 << 20)
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    Path(sys.argv[1]).write_bytes(b"made " * 1000)
if __name__ == "__main__":
    use()
"""
STAGES = """\
stages:
  warm: {cmd: python -m uses warm.txt, deps: [in], outs: [warm.txt]}
  plain: {cmd: [python uses.py plain.txt, cp plain.txt again.txt], deps: [in], outs: [plain.txt, again.txt]}
  small: {cmd: cp in/a small.txt, deps: [in/a], outs: [small.txt: {persist: true}]}
  fails: {cmd: cp in/none fails.txt, deps: [in], outs: [fails.txt]}
"""


@pytest.fixture
def using(once: Once, tmp_path: Path) -> Project:
    """A project of stages that use 200 MiB and 0.3 s of a processor, and others."""

    def build(folder: Path) -> None:
        folder.mkdir()
        project = Project(folder)
        (folder / "dvc.yaml").write_text(STAGES)
        (folder / "uses.py").write_text(USES)
        (folder / "in").mkdir()
        (folder / "in/a").write_text("12345")
        (folder / "in/b").write_text("123")
        project.run("git", "init", "--quiet")
        project.run("dvc", "init", "--quiet")

    return copy_of(once("using", build), tmp_path / "using")


def records(root: Path) -> dict[str, Took]:
    return {took.stage: took for took in history.read(root)}


def test_what_each_stage_takes_is_kept(using: Project) -> None:
    using.morphseq("run", "-j", "1", code=1)
    took = records(using.root)
    assert took.keys() == {"warm", "plain", "small"}, "not of those that failed"
    for name in ("warm", "plain"):
        used = took[name]
        assert 0.3 <= (used.cpu or 0) < 30, name
        assert 0.3 <= used.seconds < 60, name
        assert used.memory is not None
        assert 200 * MIB < used.memory < 500 * MIB, name
        assert (used.read, used.gpu) == (Amount(2, 8), None), name
    assert [took[name].made for name in ("warm", "plain", "small")] == [
        [Amount(1, 5000)], [Amount(1, 5000)] * 2, [Amount(1, 5)]
    ]  # fmt: skip
    memory = took["small"].memory
    assert memory is None or memory < 200 * MIB, "of what is no larger than the run itself nothing is known"
    assert [took[name].again for name in ("warm", "small")] == [False, False]
    using.morphseq("run", "--force", "warm", "small")
    assert [records(using.root)[name].again for name in ("warm", "small")] == [False, True]
    assert len(history.read(using.root)) == 5


def test_memory_is_not_that_of_whoever_started_the_run(using: Project) -> None:
    code = "held = b'x' * (600 << 20); import subprocess; subprocess.run(['morphseq', 'run', 'plain', 'small'])"
    using.run("python", "-c", code)
    took = records(using.root)
    memory, small = took["plain"].memory, took["small"].memory
    assert memory is not None
    assert 200 * MIB < memory < 500 * MIB
    assert small is None or small < 200 * MIB


def test_a_gpu_that_was_given_is_counted(using: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    text = STAGES.replace("stages:\n  warm: {", "stages:\n  warm: {meta: {gpu: 1}, ")
    (using.root / "dvc.yaml").write_text(text)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    using.morphseq("run", "warm", "small")
    took = records(using.root)
    assert 0 < (took["warm"].gpu or 0) <= took["warm"].seconds
    assert took["small"].gpu is None


@pytest.mark.skipif(not system.FORKS, reason="there are no workers")
def test_on_a_cluster_it_is_what_its_workers_have_measured(using: Project, scheduler: str) -> None:
    """However long a stage has waited for a place; the GPUs are the cluster's affair."""
    using.morphseq("run", "warm", "plain", "--insecure", "--scheduler", scheduler)
    took = records(using.root)
    assert took.keys() == {"warm", "plain"}
    for used in took.values():
        assert 0.3 <= (used.cpu or 0) < 30
        assert used.gpu is None


def spoil(path: Path, how: str) -> None:
    folder = path.parent
    lines = path.read_bytes().splitlines(keepends=True)
    wrong = Took("x", "x", 1.0, -5.0, None, None, None, Amount(0, 0), [])
    if how == "damaged":
        path.write_bytes(lines[0][:40] + b"\n\xff\xfe\n" + lines[1] + as_line(wrong) + b"0" * 100)
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "a pipe":
        path.unlink()
        os.mkfifo(path)
    else:
        shutil.rmtree(folder)
        folder.write_text("")


@pytest.mark.parametrize(("how", "left"), [("damaged", 1), ("a folder", 0), ("a pipe", 0), ("a file", 0)])
def test_a_spoilt_history_hinders_nobody(slow_states: Path, tmp_path: Path, how: str, left: int) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    project.morphseq("run", "images")
    assert len(history.read(project.root)) == 3
    spoil(project.root / history.FOLDER / str(os.geteuid()), how)
    assert len(history.read(project.root)) == left
    project.morphseq("run", "--dry-run", code=1)
    assert set(run_json(project).values()) == {"ran", "up to date"}
    assert blocks(project.root) == blocks(slow_states / "first")


def test_it_is_bounded_by_stage_and_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dvc").mkdir()
    monkeypatch.setattr(history, "_MOST_BYTES", 1000)
    monkeypatch.setattr(history, "_OF_ALL", 12)
    writer = History(tmp_path)
    for number in range(100):
        writer.add(took(f"s@{number % 3}", number))
    writer.add(took("rare", 0))
    writer.write()
    History(tmp_path)
    kept = history.read(tmp_path)
    assert len(kept) == 12
    assert {one.stage for one in kept} == {"s@0", "s@1", "s@2", "rare"}
    assert min(one.at for one in kept if one.stage != "rare") > 80


def took(stage: str, at: float) -> Took:
    return Took(stage, stage.partition("@")[0], at, 1.0, 1.0, None, None, Amount(1, 1), [Amount(1, 1)])


def test_a_record_says_what_it_holds(tmp_path: Path) -> None:
    (line,) = as_line(took("s@1", 5)).splitlines()
    told = json.loads(line.split(b" ", 1)[1])
    assert told.keys() == set(Took.__struct_fields__)
    assert msgspec.convert(told, Took) == took("s@1", 5)
