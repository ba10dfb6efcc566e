"""What is done on systems other than Linux, where nothing is forked and no file is in memory alone, ends the same."""

import sys
from pathlib import Path

import pytest

from tests.dvc.shapes import PROGRAM
from tests.dvc.twins import Twins
from tests.project import REPOSITORY

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
PIPELINE = """\
stages:
  each:
    foreach: [x, y, z]
    do:
      cmd: python -m step many --out made/${item}/
      deps: [many, step.py]
      outs: ["made/${item}"]
  one:
    cmd: python -m step made --out all.txt
    deps: [made, step.py]
    outs: [all.txt]
"""
MANY = {f"many/{number}.txt": f"{number}\n" for number in range(600)}


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "tests/elsewhere"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


@pytest.mark.usefixtures("_elsewhere")
def test_modules_are_run_and_files_are_looked_at_without_forks(tmp_path: Path) -> None:
    files = {"dvc.yaml": PIPELINE, "step.py": PROGRAM, "made/here": "", ".gitignore": "/made/\n/all.txt\n"}
    twins = Twins(tmp_path, files | MANY)
    twins.ours.commit()
    assert "refused" in twins.ours.run(sys.executable, "-c", "import os; print(os.fork)")
    assert twins.check_run().ran == {"each@x", "each@y", "each@z", "one"}
    assert twins.check_status()
    twins.write({"many/7.txt": "changed\n", "many/new.txt": "new\n"})
    assert not twins.check_status()
    twins.check_run()
    assert twins.check_status()
    assert "as recorded" in twins.ours.morphseq("verify")
    asked = "print(git_call.call('.', ['check-ignore', '--stdin'], b'all.txt\\n').stdout)"
    told = twins.ours.run(sys.executable, "-c", f"from morphseq_manifest.base import git_call; {asked}")
    assert told == "b'all.txt\\n'\n"
