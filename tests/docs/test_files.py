"""docs/files.md has every file of a project in which all has run, and none that there is not."""

import re

from tests.docs.pages import text
from tests.project import Project

# What a demonstration lacks: nobody described its wells, and nothing was adopted or made again.
_NOT_THERE = {"_well_metadata.xlsx", "perturbation_key.csv", "manifests/audit.json", "manifests/adopted/{exp}.json"}
_PLACES = {"{exp}": r"[\w.-]+", "{well}": "[A-H][0-9]{2}", "{model}": r"\w+"}
# Whatever a project is made from, besides.
_CODE = re.compile(r"(\.git|stages|morphseq_manifest|simulation|tests|docs|benchmarks|\.ci)(/|$)|[^/]+$")


def _paths() -> list[str]:
    """Every path that a row of the page names; `…_df02.csv` stands for the same as before with another end."""
    found: list[str] = []
    for cell in re.findall(r"^\| (`.*?) \|", text("files.md"), re.MULTILINE):
        for path in re.findall(r"`([^`]+)`", cell):
            found.append(re.sub(r"_df\d\d\.\w+$", path[1:], found[-1]) if path[0] == "…" else path)
    return found


def _pattern(path: str) -> re.Pattern[str]:
    escaped = re.escape(path)
    for place, pattern in _PLACES.items():
        escaped = escaped.replace(re.escape(place), pattern)
    return re.compile(escaped if path.endswith("/") else f"{escaped}$")


def test_every_file_is_there_and_told(project: Project) -> None:
    project.morphseq("run", "experiments", "--force")
    files = [str(path.relative_to(project.root)) for path in sorted(project.root.rglob("*")) if path.is_file()]
    patterns = {path: _pattern(path) for path in _paths()}
    assert len(patterns) > 35
    for path, pattern in patterns.items():
        assert any(pattern.match(file) for file in files) or any(path.endswith(end) for end in _NOT_THERE), path
    untold = [file for file in files if not any(pattern.match(file) for pattern in patterns.values())]
    assert [file for file in untold if not _CODE.match(file)] == []
