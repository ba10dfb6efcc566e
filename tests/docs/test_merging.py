"""docs/merging.md: every command of the page is typed, in a project of several people."""

import re
import shlex
from pathlib import Path

import pytest

from morphseq_manifest.cohort import merging
from tests.docs.pages import blocks, text
from tests.lab import Lab, build
from tests.project import REPOSITORY

PAGE, BLOCKS = text("merging.md"), blocks("merging.md")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A clone in which Alice has added a plate, and Bob and you have run one on other frames; not set up."""
    build(tmp_path / "lab")
    lab = Lab(tmp_path / "lab")
    for name, work in (("alice", ("add", "20240501")), ("bob", ("change", "20240418", "his")), ("you", ("add", "you"))):
        lab.branch(name)
        getattr(lab, work[0])(*work[1:])
        lab.run_and_commit(name)
    lab.change("20240418", "yours")
    lab.run_and_commit("Run again")
    lab.run("git", "config", "--remove-section", "merge.morphseq")
    return lab


def type_in(lab: Lab, block: list[list[str]], endings: dict[int, int]) -> list[str]:
    """Type the commands of a block: what each says; `endings` are their exit statuses, by number, if not 0."""
    said = []
    for number, command in enumerate(block):
        code, output = lab.ending(*command)
        assert code == endings.get(number, 0), f"{command} ended with {code}:\n{output}"
        said.append(output)
    return said


def test_every_command_of_the_page(lab: Lab) -> None:
    set_up, merge, conflict, begun_before = BLOCKS
    lab.run("git", "merge", "bob", fails=True)
    type_in(lab, begun_before, {2: 1})
    lab.run("git", "merge", "--abort")
    type_in(lab, set_up, {})
    type_in(lab, merge, {1: 1})
    assert lab.out_of_date() == set()
    said = type_in(lab, conflict, {0: 1})
    assert "error: dvc.lock: both sides changed, each in its own way: images@20240418" in said[0]
    assert lab.out_of_date() == set()
    assert lab.unmerged() == []


def test_a_manifest_that_one_has_deleted(lab: Lab) -> None:
    (command,) = re.findall(r"`(git rm [^`]+)`", PAGE)
    lab.morphseq("init")
    lab.branch("removes", "main")
    lab.remove("20240418")
    (lab.root / "manifests/images/20240418.json").unlink()
    lab.run_and_commit("Removed, with what was made of it")
    assert "CONFLICT (modify/delete)" in lab.run("git", "merge", "bob", fails=True)
    assert lab.unmerged() == ["manifests/images/20240418.json"]
    lab.run(*shlex.split(command))
    lab.run("git", "commit", "--no-edit")
    lab.morphseq("run")
    assert lab.out_of_date() == set()


def test_the_files_of_this_repository_are_those_that_are_merged() -> None:
    text = (REPOSITORY / ".gitattributes").read_text(encoding="utf-8")
    assert re.findall(r"^/(\S+) merge=morphseq$", text, re.MULTILINE) == [*merging.PATTERNS]
