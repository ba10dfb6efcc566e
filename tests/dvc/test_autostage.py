"""Where `core.autostage` is on, git's index has after a run what it has after `dvc repro`."""

from pathlib import Path

import pytest

from tests.dvc.twins import Twins
from tests.project import Project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
PIPELINE = """\
stages:
  a:
    cmd: test ! -e fails && cp in out && cp in made/b && cp in kept
    deps: [in, data]
    outs: [out, made/b, kept: {cache: false}]
  b:
    cmd: cp sub/o all
    deps: [sub/o]
    outs: [all]
"""
FILES = {
    "dvc.yaml": PIPELINE,
    "sub/dvc.yaml": "stages:\n  s:\n    cmd: cp ../in o\n    deps: [../in]\n    outs: [o]\n",
    "in": "1",
    "data": "1",
    "data.dvc": "outs:\n- path: data\n",
    "made/here": "",
    ".gitignore": "/else\n",
    ".dvc/config": "[core]\n    autostage = true\n",
}


def staged(twins: Twins) -> list[list[str]]:
    """What is in the index of both: of DVC's copy, and of ours."""
    return [Project(root).run("git", "ls-files", "-s").splitlines() for root in (twins.theirs, twins.ours.root)]


@pytest.mark.parametrize("inside", ["", "deep/er"])
def test_the_index_is_as_after_dvc_repro(tmp_path: Path, inside: str) -> None:
    twins = Twins(tmp_path, FILES, inside=inside)
    assert twins.check_run().ran == {"a", "b", "sub/dvc.yaml:s"}
    theirs, ours = staged(twins)
    assert theirs == ours
    assert {line.split("\t")[1] for line in ours} >= {"dvc.lock", "sub/dvc.lock", "made/.gitignore", "data.dvc"}
    twins.write({"in": "2"})
    assert twins.check_run().ran
    theirs, ours = staged(twins)
    assert theirs == ours
    twins.write({"dvc.lock": (twins.ours.root / "dvc.lock").read_text() + "# not of a run\n"})
    assert twins.check_run().ran == set()
    assert staged(twins) == [theirs, ours]


def test_after_a_failure_nothing_is_staged(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES | {"fails": ""})
    assert not twins.check_run().fine
    theirs, ours = staged(twins)
    assert theirs == ours


def test_without_git_nothing_is(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES, scm=False)
    (twins.ours.root / ".dvc/config").write_text("[core]\n    no_scm = true\n    autostage = true\n")
    twins.ours.morphseq("run")


def test_what_git_does_not_take_is_told(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES)
    (twins.ours.root / ".git/index.lock").write_text("")
    assert "git did not take .gitignore, data.dvc, dvc.lock, " in twins.ours.morphseq("run")
