"""Code versions: which changes of code are seen, through which imports, and what the commands say of them."""

import ast
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from morphseq_manifest.answers.code import versions
from morphseq_manifest.answers.code.fingerprints import Code, read_module
from morphseq_manifest.answers.code.unrecorded import Unrecorded, unrecorded
from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.cohort.manifests import code_manifest
from morphseq_manifest.cohort.manifests.code_manifest import StageCode
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc import definition
from tests.project import REPOSITORY, Project, as_json

DVC = """\
stages:
  first:
    foreach: ${experiments}
    do:
      cmd: python -m toys.first '${key}'
  second:
    cmd:
      - mkdir -p out
      - python3.11 -u -m toys.second > out/it
  copied:
    cmd: cp out/it out/again
"""
PARAMS = 'experiments:\n  "a":\n    segmenter: b\nversions:\n  first: 1\n  second: 3\n'
SHARED = '''\
"""Shared."""
import typing

def double(x: int) -> int:
    """Twice x."""
    return 2 * x  # as it says
'''
WORK = {
    "__init__": "",
    "first": "from toys import shared\nfrom toys.shared import double\n\nLIMIT = 2\n",
    "second": "def run():\n    from .deep import name\n\n    return name\n",
    "deep": "import toys.second\n\nname = 'deep'\n",
    "shared": SHARED,
    "alone": "unused = 1\n",
}


class Tree(Project):
    """A small project with a pipeline of its own, whose code can be compared."""

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")

    def states(self) -> dict[str, tuple[str, list[str]]]:
        return {state.stage: (state.state, state.changed) for state in versions.status(self.root)}

    def code(self, *arguments: str) -> tuple[int, str, str]:
        """`morphseq code`: its exit status, stdout and stderr."""
        command = [str(Path(sys.executable).parent / "morphseq"), "-C", str(self.root), "code", *arguments]
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """The small project, with its code recorded."""
    tree = Tree(tmp_path)
    tree.write("dvc.yaml", DVC)
    tree.write("params.yaml", PARAMS)
    for name, text in WORK.items():
        tree.write(f"toys/{name}.py", text)
    versions.accept(tmp_path)
    return tree


CURRENT: tuple[str, list[str]] = ("current", [])
FOR_TYPES = "if typing.TYPE_CHECKING:\n    from toys import alone\nelse:\n    {}\n\ndef "


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Twice x."""', '"""x times two,\n\n    as an int.\n    """'),
        ('    """Twice x."""\n', ""),
        ("# as it says", ""),
        ("2 * x", "(\n        2\n        * x\n    )"),
        ("\n", "\r\n"),
        ("    return", "    pass\n    ...\n    return"),
        ("def ", FOR_TYPES.format("pass")),
    ],
)
def test_docstrings_comments_and_layout_are_no_change(tree: Tree, old: str, new: str) -> None:
    assert old in SHARED
    tree.write("toys/shared.py", SHARED.replace(old, new))
    assert tree.states() == {"first": CURRENT, "second": CURRENT}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2 * x", "3 * x"),
        ("2 * x", "2.0 * x"),
        ("2 * x", "2 + x"),
        ("2 * x", "x * 2"),
        ("x: int", "x: float"),
        ("x: int", "x: int = 0"),
        ("def ", "@print\ndef "),
        ("    return", "    x = None\n    return"),
        ("def ", FOR_TYPES.format("print()")),
    ],
)
def test_other_code_is_a_change_of_the_stages_that_import_it(tree: Tree, old: str, new: str) -> None:
    tree.edit("toys/shared.py", old, new)
    assert tree.states() == {"first": ("changed", ["toys.shared"]), "second": CURRENT}


TELLS = """\
import click
from morphseq_manifest.base import files

BACK_REMEDY = "restore it"
AREA = Column("area", FLOAT, "sam2", "the area", unit="px", counted=True)
@click.command(help="Do it.")
@click.option("--all", metavar="A", help="All.")
def read(path):
    if not path:
        raise ValueError(f"{path}: no path. {BACK_REMEDY}") from None
    note(f"reading {path}")
    click.echo("reading", err=True)
    with watching(f"reading {path}", 3, "files") as advance:
        advance(1)
    return files.read_bytes(path, f"restore {path}")
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("no path.", "give a path."), ("ValueError(f", "ValueError(2, f"), ('note(f"reading {path}")', "note('it')"),
        ('"reading", err', '"it", err'), ('watching(f"reading {path}", 3', 'watching("it", 4'),
        ('"Do it."', '"Do that."'), ('"All."', '"Every one."'), ('"A"', '"B"'), ('f"restore {path}"', '"do"'),
        ('"restore it"', '"restore that"'), ('"the area"', '"its area"'), ('unit="px"', 'unit="um"'),
    ],
)  # fmt: skip
def test_what_is_only_said_is_no_change(tree: Tree, old: str, new: str) -> None:
    tree.write("toys/shared.py", TELLS)
    before = Code(tree.root).fingerprints("toys.first", "it")
    tree.edit("toys/shared.py", old, new)
    assert Code(tree.root).fingerprints("toys.first", "it") == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("raise ValueError", "raise KeyError"), ("from None", "from OSError()"), ("if not path", "if path"),
        ("watching(", "watched("), ("advance(1)", "advance(2)"), ("read_bytes(path,", "read_bytes(path + 'x',"),
        ("note(", "noted("), ('"--all"', '"--some"'), ("BACK_REMEDY =", "BACK ="),
        ('"area"', '"areas"'), ("FLOAT", "TEXT"), ("counted=True", "counted=False"),
    ],
)  # fmt: skip
def test_what_is_done_beside_it_is_a_change(tree: Tree, old: str, new: str) -> None:
    tree.write("toys/shared.py", TELLS)
    before = Code(tree.root).fingerprints("toys.first", "it")
    tree.edit("toys/shared.py", old, new)
    assert Code(tree.root).fingerprints("toys.first", "it") != before


def test_of_the_library_what_results_pass_through_counts_and_nothing_else(tree: Tree) -> None:
    for name in ("__init__", "base/__init__", "base/progress", "cohort/__init__", "cohort/ids"):
        tree.write(f"morphseq_manifest/{name}.py", "x = 1\n")
    tree.write("toys/first.py", "from morphseq_manifest.base import progress\nimport morphseq_manifest.cohort.ids\n")
    before = Code(tree.root).fingerprints("toys.first", "it")
    assert before.keys() == {"toys", "toys.first", "morphseq_manifest.cohort", "morphseq_manifest.cohort.ids"}
    tree.write("morphseq_manifest/base/progress.py", "x = 2\n")
    assert Code(tree.root).fingerprints("toys.first", "it") == before
    tree.write("morphseq_manifest/cohort/ids.py", "x = 2\n")
    after = Code(tree.root).fingerprints("toys.first", "it")
    assert {name for name in before if before[name] != after[name]} == {"morphseq_manifest.cohort.ids"}


def test_a_project_without_the_library_in_it_is_held_against_the_one_installed(tree: Tree) -> None:
    tree.write("toys/first.py", "from morphseq_manifest.cohort import ids\n")
    modules = ["morphseq_manifest.cohort", "morphseq_manifest.cohort.ids", "toys.first", "toys.shared"]
    assert tree.states()["first"] == ("changed", modules)


def test_imports_are_followed_into_functions_and_around_circles(tree: Tree) -> None:
    tree.edit("toys/deep.py", "'deep'", "'deeper'")
    assert tree.states() == {"first": CURRENT, "second": ("changed", ["toys.deep"])}
    tree.write("toys/__init__.py", "x = 1\n")
    assert tree.states() == {"first": ("changed", ["toys"]), "second": ("changed", ["toys", "toys.deep"])}


def test_a_module_that_comes_or_goes_is_named(tree: Tree) -> None:
    tree.edit("toys/deep.py", "import toys.second\n", "import toys.second, toys.alone\n")
    assert tree.states()["second"] == ("changed", ["toys.alone", "toys.deep"])
    tree.edit("toys/first.py", "from toys import shared\nfrom toys.shared import double\n", "")
    assert tree.states()["first"] == ("changed", ["toys.first", "toys.shared"])


def test_a_stage_that_becomes_a_package_is_followed(tree: Tree) -> None:
    (tree.root / "toys/first.py").unlink()
    tree.write("toys/first/__init__.py", "")
    tree.write("toys/first/__main__.py", "from .. import shared\nfrom . import part\n")
    tree.write("toys/first/part.py", "x = 1\n")
    found = Code(tree.root).fingerprints("toys.first", "it")
    assert list(found) == ["toys", "toys.first", "toys.first.__main__", "toys.first.part", "toys.shared"]


def test_stages_and_their_modules_come_from_the_pipeline(tree: Tree) -> None:
    assert definition.stage_modules(tree.root) == {"first": ["toys.first"], "second": ["toys.second"]}


graphs = st.lists(st.sets(st.integers(0, 5)), min_size=6, max_size=6)


def _reachable(graph: list[set[int]]) -> set[int]:
    found, waiting = set[int](), [0]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += graph[node]
    return found


@given(graphs, st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_exactly_what_is_imported_counts(graph: list[set[int]], touched: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder, "toys")
        work.mkdir()
        for node, imported in enumerate(graph):
            Path(work, f"m{node}.py").write_text("".join(f"import toys.m{other}\n" for other in imported))
        before = Code(work.parent).fingerprints("toys.m0", "it")
        with Path(work, f"m{touched}.py").open("a") as file:
            file.write("x = 1\n")
        after = Code(work.parent).fingerprints("toys.m0", "it")
    reachable = _reachable(graph)
    assert before.keys() == after.keys() == {f"toys.m{node}" for node in reachable}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == ({f"toys.m{touched}"} if touched in reachable else set())


# What has another syntax tree, or another `ast.dump`, in one version of Python or another.
SYNTAX = rb'''
"""Module."""
import a.b as c
class F(G, kind=1):
    """Class."""
    x: int = 1
    y: "E"
@h(1, *i, k=None, **l)
def m(n, /, o=..., *p, q, r=b"s", **t) -> None: ...
async def u():
    async with v as w, x: await y
    return [z async for z in a if not -1e9 < b <= 0x10]
match c:
    case None | {"d": [1, *_], **e} if e: f = lambda: (yield)
    case G(1, h=True) as i: del j, k[1:, ::2]
    case _: pass
try: raise l from None
except* m as n: raise
p = f"{q!r:>{r}{s}.2f} t {u = }" "v" f"{w:{x}{y}}{{" u"\u00e9\U0001fae8" "\x7f"
print(1j, 1.5, ..., {**x, None: y}, *z, a if b else c, (d := 1_000))
'''


def test_a_fingerprint_is_the_same_in_every_version_of_python() -> None:
    assert read_module(SYNTAX).fingerprint == "ecec729e243dc7128f3f803842df3eeb"


SOURCES = {
    path.relative_to(REPOSITORY).as_posix(): path.read_bytes()
    for folder in ("stages", "morphseq_manifest", "tests")
    for path in sorted((REPOSITORY / folder).glob("*.py"))
}


def test_written_anew_from_its_tree_a_module_keeps_its_fingerprint() -> None:
    for name, source in SOURCES.items():
        anew = ast.unparse(ast.parse(source)).encode()
        assert read_module(anew).fingerprint == read_module(source).fingerprint, name


def test_the_formatter_changes_no_fingerprint() -> None:
    formatter = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=40", "-"]
    formatted = subprocess.run(formatter, input=SYNTAX, capture_output=True, check=True).stdout
    assert formatted != SYNTAX
    assert read_module(formatted).fingerprint == read_module(SYNTAX).fingerprint


def test_how_a_file_is_decoded_is_no_message() -> None:
    fingerprints = {
        read_module(f"path.read_text({how})".encode()).fingerprint
        for how in ("encoding='utf-8'", "encoding='latin-1'", "newline=''")
    }
    assert len(fingerprints) == 3


def _silent(tree: ast.AST) -> set[int]:
    """The nodes that are no part of what is done: docstrings, and what exceptions, notes, bars and help texts say."""
    said: list[ast.AST] = []
    for node in ast.walk(tree):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        match node:
            case ast.Expr(value=ast.Constant() as text):
                said.append(text)
            case ast.Expr(value=ast.Call(func=ast.Name(id="note") | ast.Attribute(attr="echo")) as call):
                said.append(call)
            case ast.Raise(exc=ast.Call(args=args, keywords=keywords)):
                said += [*args, *keywords]
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target.endswith("REMEDY"):
                said.append(value)
            case ast.keyword(arg="help" | "metavar", value=value):
                said.append(value)
            case ast.Call() if name == "watching":
                said += [*node.args, *node.keywords]
            case ast.Call() if name == "Column":
                described = {"meaning", "unit", "blank"}
                said += [*node.args[3:], *(word.value for word in node.keywords if word.arg in described), node.func]
            case ast.Call() if name in {"read_bytes", "read_text", "unreadable", "checked"}:
                said += [text for text in node.args if isinstance(text, ast.Constant | ast.JoinedStr)]
    return {id(inner) for node in said for inner in ast.walk(node)}


def _change(node: ast.AST) -> bool:
    """Change one node, if it is of a kind that can be."""
    match node:
        case ast.Constant(value=str() | int() | float() as value):
            node.value = f"{value}x" if isinstance(value, str) else value + 1
        case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            setattr(node, "name" if hasattr(node, "name") else "id", f"{name}_")
        case ast.arg(arg=name) | ast.keyword(arg=str(name)):
            node.arg = f"{name}_"
        case ast.Attribute(attr=name):
            node.attr = f"{name}_"
        case ast.BinOp(op=op):
            node.op = ast.Mod() if not isinstance(op, ast.Mod) else ast.Add()
        case _:
            return False
    return True


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_other_name_constant_or_operator_is_seen(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in SOURCES if b"TYPE_CHECKING" not in SOURCES[name]]))
    tree = ast.parse(SOURCES[name])
    silent = _silent(tree)
    nodes = [node for node in ast.walk(tree) if id(node) not in silent]
    if _change(data.draw(st.sampled_from(nodes))):
        assert read_module(ast.unparse(tree).encode()).fingerprint != read_module(SOURCES[name]).fingerprint


def test_the_commands_from_change_to_accepted(tree: Tree) -> None:
    assert tree.code("status")[0] == 0
    record = (tree.root / "manifests/code.json").read_bytes()

    tree.edit("toys/shared.py", "2 * x", "x + x")
    code, said, advice = tree.code("status")
    assert (code, said.splitlines()[0]) == (1, "code: 1 of 2 stages as recorded")
    assert said.splitlines()[2].split() == ["first", "1", "1", "changed", "toys.shared"]
    assert "`morphseq code accept first`" in advice
    code, said, _ = tree.code("accept", "first")
    assert code == 0
    assert tree.code("status")[0] == 0
    changed = (tree.root / "manifests/code.json").read_bytes()
    differ = [new for old, new in zip(record.splitlines(), changed.splitlines(), strict=True) if old != new]
    assert [line.split(b":")[0] for line in differ] == [b'"first"', b'"digest"']

    tree.edit("toys/shared.py", "x + x", "2 * x")
    assert tree.code("accept")[0] == 0
    assert (tree.root / "manifests/code.json").read_bytes() == record


def test_a_raised_version_is_to_be_recorded(tree: Tree) -> None:
    tree.edit("params.yaml", "second: 3", "second: 4")
    tree.edit("toys/deep.py", "'deep'", "'deeper'")
    code, said, _ = tree.code("status", "--json")
    answer: Any = as_json(said)
    assert (code, answer["schema"]) == (1, "morphseq/code-status/1")
    assert answer["stages"] == [
        {"stage": "first", "version": 1, "recorded": 1, "state": "current", "changed": []},
        {"stage": "second", "version": 4, "recorded": 3, "state": "bumped", "changed": ["toys.deep"]},
    ]
    assert "second: version 4 recorded, after 3" in tree.code("accept")[2]
    assert tree.code("status")[0] == 0
    assert "nothing to record" in tree.code("accept")[2]

    tree.edit("params.yaml", "second: 4", "second: 3")
    assert tree.states()["second"] == ("bumped", [])
    with pytest.raises(ConfigError, match=r"versions\.second is 3, but 4 is recorded.*Set 4 or more"):
        versions.accept(tree.root)


def test_without_a_record_nothing_is_current(tree: Tree) -> None:
    (tree.root / "manifests/code.json").unlink()
    assert tree.states() == {"first": ("unrecorded", []), "second": ("unrecorded", [])}
    versions.accept(tree.root, ["second"])
    assert tree.states() == {"first": ("unrecorded", []), "second": CURRENT}
    code, said, advice = tree.code("status")
    assert (code, said.splitlines()[2].split()) == (1, ["first", "1", "-", "unrecorded", "-"])
    assert "`morphseq code accept first`" in advice


def test_a_stage_that_is_no_more_leaves_the_record(tree: Tree) -> None:
    tree.edit("dvc.yaml", "  second:\n", "  last:\n")
    tree.edit("params.yaml", "  second: 3", "  last: 1")
    assert tree.states() == {"first": CURRENT, "last": ("unrecorded", [])}
    versions.accept(tree.root, ["last"])
    assert versions.read(tree.root).keys() == {"first", "last"}


@pytest.mark.parametrize(
    ("name", "text", "code", "said"),
    [
        ("toys/first.py", None, 4, "stage 'first' runs `python -m toys.first`, but there is no {root}/toys/first.py"),
        ("toys/deep.py", None, 4, "toys/second.py, line 2: imports toys.deep, but there is no {root}/toys/deep.py"),
        ("toys/deep.py", "x = (", 4, "toys/deep.py, line 1: can't be read as Python: '(' was never closed"),
        ("toys/deep.py", "x = '\0'", 4, "toys/deep.py: can't be read as Python: source code"),
        ("toys/deep.py", "from ...x import y", 4, "toys/deep.py: can't be read as Python: attempted relative import"),
        ("dvc.yaml", None, 4, "dvc.yaml: can't be read (No such file or directory). Run this in the project's folder"),
        ("dvc.yaml", "stages: [", 2, "dvc.yaml, line 2: not valid YAML"),
        ("dvc.yaml", "stages:\n  a: 1\n", 2, "dvc.yaml: no pipeline: expected `stages`, a mapping"),
        ("dvc.yaml", "[]", 2, "dvc.yaml: no pipeline"),
        ("params.yaml", "experiments: {}\nversions:\n  first: 1\n", 2, "params.yaml: `versions` lacks second. Add it"),
        ("manifests/code.json", "{}", 3, "manifests/code.json: not a whole manifest"),
    ],
)
def test_what_can_not_be_read_is_named(tree: Tree, name: str, text: str | None, code: int, said: str) -> None:
    if text is None:
        (tree.root / name).unlink()
    else:
        tree.write(name, text)
    for command in ("status", "accept"):
        found = tree.code(command)
        assert (found[0], found[1]) == (code, "")
        assert said.format(root=tree.root) in found[2]


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_a_record_edited_or_cut_is_refused(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "manifests/code.json")
        path.parent.mkdir()
        parts = {"first": StageCode(1, {"toys.first": "0f"}), "second": StageCode(2, {})}
        whole = code_manifest.dump(parts)
        path.write_bytes(whole)
        assert versions.read(Path(folder)) == parts
        place = data.draw(st.integers(0, len(whole) - 1))
        flipped = bytearray(whole)
        flipped[place] ^= data.draw(st.integers(1, 255))
        for damaged in (whole[:place], bytes(flipped)):
            path.write_bytes(damaged)
            with pytest.raises(ContentError, match="git checkout"):
                versions.read(Path(folder))


def test_an_unknown_stage_is_answered_with_the_nearest(tree: Tree) -> None:
    record = (tree.root / "manifests/code.json").read_bytes()
    code, said, error = tree.code("accept", "first", "secnod")
    assert (code, said) == (2, "")
    assert "dvc.yaml: no stage 'secnod' that runs a module. Did you mean 'second'?" in error
    with pytest.raises(ConfigError, match="There are first, second"):
        versions.accept(tree.root, ["zzz"])
    assert (tree.root / "manifests/code.json").read_bytes() == record


def test_the_code_of_this_repository_is_that_of_its_versions() -> None:
    """Fails where the code of a stage has changed: raise its version or not, then `morphseq code accept`."""
    Project(REPOSITORY).run("morphseq", "code", "status")


def test_every_stage_here_runs_again_with_its_version() -> None:
    stages = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
    assert definition.stage_modules(REPOSITORY).keys() == stages.keys()
    for name, stage in stages.items():
        assert f"versions.{name}" in stage.get("do", stage)["params"]


@pytest.mark.parametrize("is_relative", [True, False])
def test_changed_code_is_noticed_from_whatever_folder_is_asked(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, is_relative: bool
) -> None:
    monkeypatch.chdir(tree.root.parent)
    root = Path(tree.root.name) if is_relative else tree.root
    (root / ".dvc").mkdir()
    assert unrecorded(CohortSnapshot(root)) == Unrecorded({}, [])
    tree.edit("toys/shared.py", "2 * x", "3 * x")
    assert unrecorded(CohortSnapshot(root)) == Unrecorded({"first": "changed"}, [])


@pytest.mark.parametrize("words", [("status",), ("accept",)])
def test_where_there_is_no_project_that_is_said_as_status_says_it(tmp_path: Path, words: tuple[str, ...]) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        place = Tree(root)
        said = place.code(*words)
        assert said == (4, "", f"error: {root}/dvc.yaml: not there. Restore it, or run this in the project's folder\n")
    Project(tmp_path).run("git", "init", "--quiet")
    Project(tmp_path).run("dvc", "init", "--quiet")
    assert Tree(tmp_path).code("status")[0] == 0, "nothing is in it yet"


@pytest.mark.parametrize("path", ["params.yaml", "dvc.yaml", "manifests/code.json"])
def test_what_git_has_not_merged_is_said_as_status_says_it(tree: Tree, path: str) -> None:
    text = (tree.root / path).read_text(encoding="utf-8")
    tree.write(path, f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n")
    said = [tree.code(*words) for words in (("status",), ("accept",))]
    assert said[0] == said[1]
    assert said[0][0] == 3
    assert f"{path}, line 1: not merged: git has left the marks of a conflict. " in said[0][2]
