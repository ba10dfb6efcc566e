"""The house: arrows run down only, and nothing in it is too large to read. Each complaint names the file and line."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from morphseq_manifest.tracker.dvc import definition
from tests.project import REPOSITORY

# From the ground up: a room may import those before it, and itself.
FLOORS = (
    "base",
    "tracker.dvc", "tracker.disk", "tracker.pipeline_reading", "tracker.snapshot", "tracker.kept_content",
    "tracker.own_files",
    "tracker.freshness", "tracker.run",
    "cohort.row_keys", "cohort.columns", "cohort.manifests", "cohort.frames", "cohort",
    "answers.changes", "answers.warnings", "answers.wells", "answers.programs", "answers.check", "answers.code",
    "answers.provenance", "answers.blame", "answers.table", "answers.export", "answers.bisect", "answers.adopt",
    "answers.status", "answers.why", "answers.verify", "answers.orphans", "answers.audit", "answers.graph",
    "answers.pictures", "answers.layers", "answers.report",
    "commands",
)  # fmt: skip
LIBRARY = "morphseq_manifest"
# The face: what users import, and what the command starts with.
FACE = ("__init__", "__main__")
STAGE_FLOORS = ("imaging", "files", "networks", "segmentation", "reuse", "lab")
MOST_LINES, LONGEST_FUNCTION = 300, 50


class Arrow(NamedTuple):
    """One import of a module of this project by another, at a line of its file."""

    source: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.source.replace('.', '/')}.py, line {self.line}: imports {self.target}"


def modules(package: str) -> dict[str, Path]:
    """The files of a package's modules, by dotted name."""
    paths = sorted((REPOSITORY / package).rglob("*.py"))
    return {".".join(path.relative_to(REPOSITORY).with_suffix("").parts): path for path in paths}


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[Arrow]:
    """What a module imports of this project, inside functions too, but not for type checkers alone."""
    tree = ast.parse(path.read_bytes())
    unread = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom) or id(node) in unread:
            continue
        targets = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [target if target in known else node.module for target in inside]
        for target in dict.fromkeys(targets):
            if target.partition(".")[0] in {LIBRARY, "stages", "simulation"}:
                yield Arrow(name, target, node.lineno)


@pytest.fixture(scope="module")
def known() -> dict[str, Path]:
    return modules(LIBRARY) | modules("stages") | modules("simulation")


@pytest.fixture(scope="module")
def arrows(known: dict[str, Path]) -> list[Arrow]:
    return [arrow for name, path in known.items() for arrow in imports(name, path, known)]


def floor(module: str) -> int:
    """The floor of a library module: the longest name of FLOORS that it begins with; the face is above all."""
    inside = module.removeprefix(f"{LIBRARY}.").removeprefix(LIBRARY)
    if inside in {"", *FACE}:
        return len(FLOORS)
    fitting = [room for room in FLOORS if f"{inside}.".startswith(f"{room}.")]
    # A room's parent has a docstring and nothing else.
    return FLOORS.index(max(fitting, key=len)) if fitting else -1


def test_the_library_s_arrows_run_down(arrows: list[Arrow]) -> None:
    inside = [arrow for arrow in arrows if arrow.source.startswith(LIBRARY)]
    outside = [arrow for arrow in inside if not arrow.target.startswith(LIBRARY)]
    up = [arrow for arrow in inside if arrow not in outside and floor(arrow.target) > floor(arrow.source)]
    assert not outside, "the library imports the stages:\n" + "\n".join(map(str, outside))
    assert not up, "arrows that run up:\n" + "\n".join(map(str, up))


def test_every_room_stands_on_a_floor(known: dict[str, Path]) -> None:
    homeless = [
        name
        for name, path in known.items()
        if name.startswith(LIBRARY) and floor(name) < 0 and not path.name.startswith("__init__")
    ]
    assert not homeless, f"not in a room: {homeless}"


def test_the_tracker_knows_no_cohort(arrows: list[Arrow]) -> None:
    tracker = [arrow for arrow in arrows if arrow.source.startswith(f"{LIBRARY}.tracker")]
    assert not [str(arrow) for arrow in tracker if ".cohort" in arrow.target]


def test_rooms_of_the_stages_import_no_stage_and_nothing_above_them(arrows: list[Arrow]) -> None:
    def room(module: str) -> int:
        parts = module.split(".")
        return STAGE_FLOORS.index(parts[1]) if len(parts) > 1 and parts[1] in STAGE_FLOORS else len(STAGE_FLOORS)

    inside = [arrow for arrow in arrows if arrow.source.startswith("stages") and arrow.target.startswith("stages")]
    up = [arrow for arrow in inside if room(arrow.target) > room(arrow.source)]
    sideways = [arrow for arrow in inside if room(arrow.source) == room(arrow.target) == len(STAGE_FLOORS)]
    above = [
        arrow
        for arrow in arrows
        if arrow.source.startswith("stages") and arrow.target.startswith((f"{LIBRARY}.answers", f"{LIBRARY}.commands"))
    ]
    assert not [*up, *sideways, *above], "\n".join(map(str, [*up, *sideways, *above]))


def test_the_top_of_stages_holds_the_stages_and_nothing_else(known: dict[str, Path]) -> None:
    top = {name for name in known if name.startswith("stages.") and name.count(".") == 1} - {"stages.__init__"}
    run = {module for names in definition.stage_modules(REPOSITORY).values() for module in names}
    assert top == run, f"no stage of dvc.yaml: {sorted(top - run)}; missing: {sorted(run - top)}"


def test_no_module_imports_itself_by_a_way_around(arrows: list[Arrow]) -> None:
    after: dict[str, set[str]] = {}
    for arrow in arrows:
        after.setdefault(arrow.source, set()).add(arrow.target)
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> None:
        assert name not in path, "a circle: " + " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for target in sorted(after.get(name, ())):
                walk(target, [*path, name])
            done.add(name)

    for name in sorted(after):
        walk(name, [])


def test_modules_and_functions_can_be_read_at_once(known: dict[str, Path]) -> None:
    long = []
    for path in known.values():
        text, name = path.read_text(encoding="utf-8"), path.relative_to(REPOSITORY)
        if (count := len(text.splitlines())) > MOST_LINES:
            long.append(f"{name}: {count} lines")
        functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        lengths = {node: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
        long += [
            f"{name}, line {node.lineno}: {node.name} has {count} lines"
            for node, count in lengths.items()
            if count > LONGEST_FUNCTION
        ]
    assert not long, "\n".join(long)


def test_the_page_on_the_architecture_names_every_room_and_no_other() -> None:
    page = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {room.replace(".", "/") for room in FLOORS} | {f"stages/{room}" for room in STAGE_FLOORS}
    named = set(re.findall(r"^\| `([a-z_/]+)` \|", page, re.MULTILINE))
    assert named == rooms
