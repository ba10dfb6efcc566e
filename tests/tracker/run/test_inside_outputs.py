"""A stage that depends on one file in the folder that another makes: it runs for that file alone, as by `dvc repro`."""

from pathlib import Path

import pytest

import morphseq_manifest
from tests import toy
from tests.answers.verifying import findings
from tests.project import Project, as_json
from tests.running import check_steps, steps_of_dvc

pytestmark = pytest.mark.slow
PIPELINE = """\
stages:
  notes:
    cmd: mkdir -p data/taken && cp data/notes/* data/taken/
    deps:
      - data/notes
    outs:
      - data/taken{persist}
  plates:
    foreach: ${{experiments}}
    do:
      cmd: python stage.py '${{key}}' data/taken/${{key}}.txt to data/made/${{key}}.csv
      deps:
        - data/taken/${{key}}.txt
      outs:
        - data/made/${{key}}.csv
  df03:
    cmd: python stage.py all data/made to data/df03.csv
    deps:
      - data/made
    outs:
      - data/df03.csv
"""
ONE, OTHER, _ = toy.EXPERIMENTS
PERSIST = ":\n          persist: true"


def written(root: Path, persist: str) -> Project:
    project = toy.write(root, PIPELINE.format(persist=persist))
    (root / "data/notes").mkdir()
    for name in toy.EXPERIMENTS:
        (root / f"data/notes/{name}.txt").write_text(name)
    return project


def note_one(project: Project) -> None:
    (project.root / f"data/notes/{ONE}.txt").write_text("corrected")


def add_what_nobody_reads(project: Project) -> None:
    (project.root / "data/notes/readme.txt").write_text("read me")


def lose_a_file(project: Project) -> None:
    (project.root / f"data/taken/{OTHER}.txt").unlink()


def edit_what_was_made(project: Project) -> None:
    path = project.root / f"data/taken/{OTHER}.txt"
    path.unlink(missing_ok=True)
    path.write_text("edited")


def nothing(project: Project) -> None:
    """The first run."""


@pytest.mark.parametrize("persist", ["", PERSIST], ids=["deleted", "kept"])
def test_it_is_run_and_recorded_as_by_dvc(tmp_path: Path, persist: str) -> None:
    changes = [nothing, note_one, nothing, add_what_nobody_reads, lose_a_file, edit_what_was_made]
    steps = steps_of_dvc(written(tmp_path / "dvc" / "project", persist), changes)
    assert steps[1].ran == {"notes", f"plates@{ONE}", "df03"}
    assert steps[3].ran == {"notes"}
    check_steps(written(tmp_path / "ours" / "project", persist), changes, steps, [])


def test_it_is_judged_as_by_dvc_and_verified_with_its_folder(tmp_path: Path) -> None:
    project = written(tmp_path / "project", PERSIST)
    project.repro()
    project.morphseq("verify")
    for change in (note_one, lose_a_file, edit_what_was_made):
        change(project)
        steps = morphseq_manifest.status(project.root).steps
        judged = {name: step.verdict.as_dvc() for name, step in steps.items() if step.verdict}
        assert judged == as_json(project.run("dvc", "status", "--json"))
        assert "data/notes changed" in project.morphseq("why", f"plates@{ONE}", code=1)
    assert findings(project, code=3) == {"data/notes": "damaged", "data/taken": "damaged"}
    assert findings(project, "--experiments", ONE, code=3) == {"data/taken": "damaged"}
    project.repro("notes")
    assert findings(project, code=0) == {}, "one stage is behind, and nothing is damaged"
