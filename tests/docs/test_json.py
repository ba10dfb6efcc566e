"""docs/json.md: what every command prints with `--json` is what the page says, field by field."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project import REPOSITORY, Project
from tests.running import copy_of

PAGE = (REPOSITORY / "docs/json.md").read_text(encoding="utf-8")
_SECTION = re.compile(r"^## (morphseq/[a-z-]+/\d+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\| `([^`]+)` \| ([a-z, ]+) \|", re.MULTILINE)
FORMS = {
    name: {path: kinds.split(", ") for path, kinds in _FIELD.findall(text)} for name, text in _SECTION.findall(PAGE)
}
_KINDS = {bool: "flag", int: "number", float: "number", str: "text", type(None): "null", list: "list", dict: "object"}


def wrong(value: Any, form: dict[str, list[str]], path: str = "") -> Iterator[str]:
    """In what a value is not of a form."""
    kinds = form.get(path, ["object"] if path == "" else [])
    kind = _KINDS[type(value)]
    if "any" in kinds:
        return
    if kind not in kinds:
        yield f"{path}: {kind}, and the page says {', '.join(kinds) or 'nothing'}"
    elif kind == "list":
        for item in value:
            yield from wrong(item, form, f"{path}[]")
    elif kind == "object":
        for key, item in value.items():
            named = f"{path}.{key}" if path else key
            yield from wrong(item, form, named if named in form else f"{path}.*" if path else "*")


def check(said: str, schema: str, *, optional: tuple[str, ...] = ()) -> None:
    """Assert that what was said is one object of this form, with each of its fields."""
    found = json.loads(said)
    assert found["schema"] == schema
    assert not list(wrong(found, FORMS[schema]))
    top = {path for path in FORMS[schema] if re.fullmatch(r"\w+", path)}
    assert top - set(optional) <= found.keys()


def said(project: Project, *words: str) -> str:
    """What a command prints on stdout alone, whatever its exit status."""
    return project.run("bash", "-c", f"morphseq {' '.join(words)} --json >answer.json 2>said.txt; cat answer.json")


@pytest.fixture
def stale(project: Project) -> Project:
    """A built project, committed, in which a setting is another, a stack is damaged and an experiment is left over."""
    project.commit("Built")
    project.setting("blend_um", 60)
    (project.root / "data/segmentation/yolk_v1_0050_predictions/20250101/A01.tif").unlink()
    return project


def test_every_form_that_the_code_prints_is_on_the_page() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "morphseq_manifest").rglob("*.py"))
    printed = set(re.findall(r'(?:SCHEMA\w* = |show_json\(\s*)"(morphseq/[a-z-]+/\d+)"', code))
    files = {"images", "cohort", "contents", "part", "code", "adopted", "audit", "project", "experiments"}
    assert len(printed) > 15
    assert not {name for name in printed - FORMS.keys() if name.split("/")[1] not in files}


def test_what_looking_commands_print_has_the_forms_of_the_page(stale: Project) -> None:
    check(said(stale, "status"), "morphseq/status/1")
    check(said(stale, "status", "--experiments", "20250101"), "morphseq/status/1")
    check(said(stale, "why", "df03"), "morphseq/why/1")
    check(said(stale, "graph"), "morphseq/graph/1")
    check(said(stale, "run", "--dry-run"), "morphseq/plan/1")
    check(said(stale, "log"), "morphseq/log/1")
    check(said(stale, "verify"), "morphseq/verify/1")
    check(said(stale, "check"), "morphseq/inputs/1")
    check(said(stale, "orphans"), "morphseq/orphans/1")
    check(said(stale, "code", "status"), "morphseq/code-status/1")


def test_what_is_said_of_tables_has_the_forms_of_the_page(stale: Project) -> None:
    check(said(stale, "provenance", "df03"), "morphseq/provenance/1")
    check(said(stale, "provenance", "df01", "--check"), "morphseq/check/1")
    check(said(stale, "provenance", str(stale.table("df01"))), "morphseq/origin/1")
    check(said(stale, "provenance", "--experiment", "20250101"), "morphseq/way/1")
    check(said(stale, "blame", "20250101_A01_e01", "--since", "HEAD"), "morphseq/blame/1")
    check(said(stale, "diff"), "morphseq/diff/1")
    check(said(stale, "diff", "HEAD", "--rows", "df02"), "morphseq/rows-diff/1")
    check(said(stale, "bisect", "df02", "--when", "rows"), "morphseq/bisect/1")
    check(stale.morphseq("show", "df02", "--experiments", "20250101", "--format", "json"), "morphseq/rows/1")


def test_a_run_has_the_form_of_the_page(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    (project.root / "fail").write_text("data/tables/20240418.csv")
    check(said(project, "run"), "morphseq/run/1")


@pytest.mark.parametrize(
    ("words", "status"),
    [(("why", "df09"), 2), (("status", "--only", "odd"), 2), (("status", "--odd"), 2), (("provenance", "df01"), 4)],
)
def test_an_error_is_json_too(slow_states: Path, tmp_path: Path, words: tuple[str, ...], status: int) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    found = said(project, *words)
    check(found, "morphseq/error/1")
    told = json.loads(found)
    assert told["exit_code"] == status
    code, both = project.ending("morphseq", *words, "--json")
    assert code == status
    assert told["error"].splitlines()[0] in both.replace(found, "")
