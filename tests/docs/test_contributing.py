"""CONTRIBUTING.md: what it names is there, and what its lists ask for has been done."""

import re

import pytest

from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.columns import Source
from morphseq_manifest.commands import group
from stages.imaging.geometry import Quality, Shape
from tests import lowest
from tests.project import REPOSITORY

PAGES = ("CONTRIBUTING.md", "README.md", "docs/architecture.md", "docs/plates.md", "docs/running.md", "docs/tables.md")
# What a reader makes, or names as they like.
_FREE = re.compile(r"NAME|test_y|[{}*@<> ]|^(data|manifests|htmlcov|\.venv|\.dvc)/")


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([^`\n]+/[^`\n]+\.\w+)`", text) if not _FREE.search(name)}
    places = (REPOSITORY, REPOSITORY / "morphseq_manifest")
    assert not [name for name in sorted(named) if not any((place / name).exists() for place in places)]


def test_every_measure_of_an_embryo_is_a_column() -> None:
    known = {column.name for column in columns.of(Source.BUILD03)}
    missing = [name for name in (*Shape._fields, *Quality._fields) if name not in known]
    assert not missing, f"morphseq_manifest/cohort/columns.py has no Column for {missing}: df01 would not have them"


def test_every_kind_of_model_is_described() -> None:
    page = (REPOSITORY / "docs/models.md").read_text(encoding="utf-8")
    sources = [path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "stages").rglob("*.py"))]
    kinds = {kind for text in sources for kind in re.findall(r'tag="(\w+)", tag_field="kind"', text)}
    assert len(kinds) > 5
    assert not [kind for kind in sorted(kinds) if f"`{kind}`" not in page], "docs/models.md does not say what it is"


def test_every_module_of_a_command_is_listed() -> None:
    modules = {path.stem for path in (REPOSITORY / "morphseq_manifest/commands").glob("*.py")}
    others = {"__init__", "asking", "completing", "group", "options", "standing"}
    missing = modules - others - set(group._MODULES.values())
    assert not missing, f"_MODULES in morphseq_manifest/commands/group.py does not list {sorted(missing)}"


def test_the_changelog_has_the_version_of_the_project() -> None:
    version = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert f"\n## [{version[1]}]" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_requirement_has_a_lower_bound_that_can_be_installed() -> None:
    found = [line.partition("==") for line in lowest.constraints()]
    names = {name for name, _, _ in found}
    assert {"dvc", "pandas", "moto"} <= names
    assert all(release and "[" not in name for name, _, release in found), found
