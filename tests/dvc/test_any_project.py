"""Nothing of this lab is asked for: every command answers in a project without experiments, versions or settings."""

from pathlib import Path
from typing import Any

import pytest

from tests.dvc.twins import Twins
from tests.project import as_json

GROUP = """\
stages:
  a:
    cmd: cp foo bar
    deps: [foo]
    outs: [bar]
  b:
    foreach: [x, y]
    do:
      cmd: cp bar o-${item}
      deps: [bar]
      outs: ["o-${item}"]
"""
IGNORED = "/bar\n/o-*\n"


@pytest.mark.parametrize(
    "settings", [None, "", "# nothing\n", "lr: 1\n", "experiments: {}\n", "experiments: [1, 2]\n", "versions: [a]\n",
                 "experiments: {one: {rate: 1}}\n", "experiments: text\nlr: 2\n"],
)  # fmt: skip
def test_a_project_without_experiments_is_looked_at_run_and_checked(tmp_path: Path, settings: str | None) -> None:
    files = {"foo": "1", ".gitignore": IGNORED, "dvc.yaml": GROUP}
    twins = Twins(tmp_path, files if settings is None else files | {"params.yaml": settings})
    assert not twins.check_status()
    assert twins.check_run().ran == {"a", "b@x", "b@y"}
    assert twins.check_status()
    ours = twins.ours
    assert "2 items: 2 up to date" in ours.morphseq("status")
    assert "b is up to date" in ours.morphseq("why", "b")
    assert "4 files" in ours.morphseq("verify")
    assert "no stage has a version" in ours.morphseq("code", "status")
    assert "no stage that runs a module has a version" in ours.morphseq("code", "accept", code=2)


def test_a_group_over_anything_is_in_every_answer(tmp_path: Path) -> None:
    twins = Twins(tmp_path, {"foo": "1", ".gitignore": IGNORED, "dvc.yaml": GROUP, "params.yaml": "experiments: {}\n"})
    twins.check_run()
    ours = twins.ours.root
    (ours / "foo").write_text("2")
    found: Any = as_json(twins.ours.morphseq("status", "--json", code=1))
    assert found["experiments"]["x"]["b"]["state"] == "behind"
    assert found["model"] is None
    assert "input foo changed" in twins.ours.morphseq("why", "b@y", code=1)
    assert "input foo changed" in twins.ours.morphseq("why", "x", code=1)
    (ours / "o-x").chmod(0o644)
    (ours / "o-x").write_text("3")
    assert "o-x" in twins.ours.morphseq("verify", code=3)


@pytest.mark.parametrize(
    "pipeline", ["", "stages: {}\n", "vars: [{a: 1}]\n", "stages:\n  b:\n    foreach: []\n    do: {cmd: x}\n"]
)
def test_an_empty_pipeline_is_fine(tmp_path: Path, pipeline: str) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": pipeline})
    assert twins.check_status()
    assert twins.check_run().ran == set()


def test_a_project_without_a_pipeline_is_fine_until_something_has_run(tmp_path: Path) -> None:
    twins = Twins(tmp_path, {"a": "1"})
    assert twins.check_status()
    assert twins.ours.morphseq("status") == "0 stages\n"
    (twins.ours.root / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert "dvc.yaml: not there. Restore it" in twins.ours.morphseq("status", code=4)


def test_paths_may_have_colons(tmp_path: Path) -> None:
    """As the times in the names of frames have them."""
    pipeline = """\
stages:
  a: {cmd: "cp raw/2024-01-01T10:00:00.csv o:1; mkdir f:2; cp o:1 f:2/3:4", deps: ["raw/2024-01-01T10:00:00.csv"], outs: ["o:1", "f:2"]}
  b: {cmd: "cp f:2/3:4 5:30", deps: ["o:1", "f:2/3:4"], outs: ["5:30"]}
"""  # noqa: E501
    twins = Twins(tmp_path, {"dvc.yaml": pipeline, "raw/2024-01-01T10:00:00.csv": "1"})
    assert not twins.check_status()
    assert twins.check_run().ran == {"a", "b"}
    assert twins.check_status()
    twins.write({"raw/2024-01-01T10:00:00.csv": "2", "5:30": None})
    assert "raw/2024-01-01T10:00:00.csv" in twins.ours.morphseq("why", "b", code=1)
    assert twins.check_run().ran == {"a", "b"}
    assert twins.check_run().ran == set()
    assert "as recorded" in twins.ours.morphseq("verify")
