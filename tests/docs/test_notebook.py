"""The notebook in docs/ runs as it stands, and each answer in it is shown as a table."""

import json
from pathlib import Path
from typing import Any

import pytest

import morphseq_manifest
from tests.project import REPOSITORY, Project

NOTEBOOK = REPOSITORY / "docs/python.ipynb"
# Runs code cells as a notebook does: the value of a last line that is an expression is shown.
_RUN = """\
import ast, json, sys
names, shown = {}, []
for source in json.load(sys.stdin):
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last:
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        shown.append([type(value).__name__, value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)])
json.dump(shown, sys.stdout)
"""


def cells(kind: str) -> list[str]:
    """The cells of one kind in the notebook."""
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def test_it_runs_in_a_project(project: Project, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(_RUN)
    (tmp_path / "cells.json").write_text(json.dumps(cells("code")))
    project.setting("blend_um", 60)
    said = project.run("bash", "-c", f"python {tmp_path}/run.py < {tmp_path}/cells.json")
    shown = json.loads(said.splitlines()[-1])
    by_kind = dict(shown)
    assert by_kind["str"] == repr(morphseq_manifest.__version__)
    assert "20250102_snapshot" in by_kind["Report"]
    assert "setting snips.blend_um changed" in by_kind["Explanation"]
    assert "167 rows of 3 experiments" in by_kind["Provenance"]
    assert "snips.blend_um" in by_kind["Difference"]
    assert all(
        "<table" in html for kind, html in shown if kind in {"Report", "Explanation", "Provenance", "Difference"}
    )


def test_it_holds_no_output_and_says_what_each_part_is() -> None:
    assert '"outputs": []' in NOTEBOOK.read_text(encoding="utf-8")
    assert len(cells("markdown")) >= 7
    whole = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert not any(cell.get("outputs") for cell in whole["cells"])


@pytest.mark.parametrize("name", morphseq_manifest.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(morphseq_manifest, name)
    assert name in dir(morphseq_manifest)


def test_what_a_notebook_shows_is_escaped() -> None:
    from morphseq_manifest.base import display
    from morphseq_manifest.tracker.freshness.steps import State

    html = display.html_table([{"<b>": "<script>\x1b", "state": State.FAILED}] * 201, "<i>")
    assert "<script>" not in html
    assert "\x1b" not in html
    assert html.count("&lt;script&gt;\\x1b") == 200
    assert "and 1 more" in html
