"""How often git is asked what was in a table at a commit: not more often for more experiments."""

import os
from pathlib import Path

import pytest

from benchmarks.cohort import commit
from benchmarks.synthetic import lock_table, synthesise
from tests.project import Project


class Traced(Project):
    """A project whose git writes down what it is asked."""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"GIT_TRACE": str(self.root.parent / "trace")}


def questions(root: Path, experiments: int) -> int:
    """What git is asked by `morphseq provenance df01 --rev HEAD`, of so many experiments."""
    root.mkdir(parents=True)
    synthesise(root, experiments, 10 * experiments)
    project = Traced(root)
    project.run("python", "-m", "stages.df01")
    lock_table(root, "df01")
    commit(root)
    (root.parent / "trace").unlink(missing_ok=True)
    output = project.morphseq("provenance", "df01", "--rev", "HEAD")
    assert f"{experiments} current" in output
    return (root.parent / "trace").read_text().count("built-in: git")


def test_git_is_asked_no_more_often_of_more_experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.getcwd())  # noqa: PTH109 - where the stages are
    few, many = (questions(tmp_path / str(count) / "project", count) for count in (2, 12))
    assert 0 < few == many
