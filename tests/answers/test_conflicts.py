"""What git could not merge is said in these words, and the remedy is one that git takes."""

import re
from pathlib import Path

import pytest

from morphseq_manifest.base.conflicts import check_merged
from morphseq_manifest.base.errors import ContentError
from tests.project import Project
from tests.running import copy_of

_COMMANDS = ("status", "why df01", "run", "run --dry-run", "verify")


def merged(project: Project, path: str, old: str, *sides: str) -> None:
    """Change a line on two branches, each in its own way, and merge them, which git can't."""
    project.commit()
    for number, side in enumerate(sides):
        project.run("git", "checkout", "--quiet", "-b", f"side{number}", "main")
        text = (project.root / path).read_text()
        assert old in text
        (project.root / path).write_text(text.replace(old, side, 1))
        project.commit()
    project.run("git", "merge", "side0", fails=True)


def test_a_lock_that_is_not_merged(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    merged(
        project,
        "dvc.lock",
        "python stage.py all data/df01.csv",
        "python stage.py all  data",
        "python  stage.py all data",
    )
    said = [project.morphseq(*command.split(), code=3) for command in _COMMANDS]
    for text in said:
        assert "dvc.lock, line " in text
        assert "not merged" in text
        assert "git checkout" not in text
    for remedy in re.findall(r"`(git [^`]+)`", said[0].partition(". Or ")[0]):
        project.run(*remedy.split())
    project.morphseq("run")
    assert project.run("dvc", "status").strip() == "Data and pipelines are up to date."
    assert project.run("git", "ls-files", "--unmerged") == ""


@pytest.mark.parametrize("path", ["params.yaml", "dvc.yaml"])
def test_what_people_write_is_merged_by_them(slow_states: Path, tmp_path: Path, path: str) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    old = {"params.yaml": "large: 0.15", "dvc.yaml": "  df01:\n"}[path]
    merged(project, path, old, old.replace("l", "ll").replace("df", "da"), old.replace("l", "lx").replace("df", "db"))
    for command in ("status", "run", "run --dry-run"):
        said = project.morphseq(*command.split(), code=3)
        assert f"{path}, line " in said
        assert f"Keep what is right of both sides, and take the marks out; then `git add {path}`" in said


def test_marks_are_those_at_the_beginning_of_a_line(tmp_path: Path) -> None:
    texts = {"a.json": b'{"a": "<<<<<<< b"}', "a.py": b"<<<<<<< x\n", "a.yaml": b"a: |\n  <<<<<<< b\n"}
    for name, data in texts.items():
        assert check_merged(data, Path(name), tmp_path) == data
    with pytest.raises(ContentError, match=r"a/df01\.json, line 2: not merged.*--ours a/df01\.json"):
        check_merged(b"{\n<<<<<<< HEAD\n", Path("a/df01.json"), tmp_path)
