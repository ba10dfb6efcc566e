"""dvc.yaml is resolved as DVC resolves it, or refused with a message that names the file and what is wrong in it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from ruamel.yaml import YAML

from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.snapshot import Snapshot
from tests.project import REPOSITORY

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
PARAMS = """\
experiments: {}
name: a
number: 1
half: 0.5
large: 1.0e+20
negative: -3
yes: true
no: false
nothing: null
empty: ''
list: [x, y]
numbers: [1, 2]
mixed: [{s: t}, {s: u}]
nested: {deep: {er: z, list: [p, q]}, other: o}
plates: {e1: {s: t, n: 1}, e2: {s: u, n: 2}}
simple: {k1: v1, k2: v2}
odd: {1: one, two: two}
options: {flag: true, off: false, none: null, words: [a b, "c'd", 3], lists: {numbers: [1, 2.5], empty: []}, f: 1.0e-9}
"quoted": "0123"
spaced key: s
dotted.key: d
"""
TEXTS = [
    "plain", "${name}", "pre${name}post", "${nested.deep.er}", "${nested.deep.list[1]}", "${nested.deep.list.0}",
    "${list[0]}_${list.1}", r"\${HOME} ${name}", r"\\${name}", "$${name}", "${ name }", "${name ", "${}", "${missing}",
    "${list[9]}", "${list[-1]}", "${list[x]}", "${nested}", "${list}", "${yes}-${no}", "${half} ${number}", "${large}",
    "${negative}", "${nothing}", "${empty}", "${quoted}", "${item}", "${item.s}", "${key}", "${item.n}",
    "${key}${key}", "${spaced key}", "${dotted.key}", "${nested.deep}", "${name.more}",
    "${own.value}", "${own.more[0]}",
    "${list[0}", "${nested[deep][er]}", "${nested[deep].er}", "${a${name}}", "{name}", "$name", "${name}}", "${odd.1}",
    "${number}", "${name} ${name} 'q' \"d\" # c", "${item[s]}", "${list.[0]}", "${.name}", "${name.}",
    "a ${nested} b", "a ${item}", "a ${plates}", "a ${list}", "a ${mixed}", "a ${odd}", "a ${options} b",
    "${options}${item}",
]  # fmt: skip
FOREACH = [
    "${plates}", "${list}", "${simple}", "${numbers}", "${mixed}", "${odd}", "${name}", "${nested.deep.list}",
    "${plates.e1}",
    ["one", "two"], ["${name}", "two"], {"k": {"s": "x"}, "l": {"s": "y"}}, {"k": "${name}"}, "${missing}", [], {},
    "plain",
    "${own.more}", ["one", "one"], [True, "x"], {"k": {"s": "${name}", "n": "${number}"}}, {"${name}": {"s": "x"}},
]  # fmt: skip
VARS = [
    [], [{"own": {"value": "w", "more": ["m"]}}], [{"own": {"value": 5, "more": ["m", "n"]}}, {"further": 1}],
    [{"name": "again"}], [{"nested": {"more": 1}}], [{"own": {"value": "${name}"}}], ["other.yaml"], [{"item": "i"}],
]  # fmt: skip


def written(value: Any) -> str:
    from io import StringIO

    out = StringIO()
    YAML(typ="safe").dump(value, out)
    return out.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/config").write_text(f"[core]\n    no_scm = True\n    site_cache_dir = {tmp_path}/site\n")
    (tmp_path / "params.yaml").write_text(PARAMS)
    with contextlib.chdir(tmp_path):
        yield tmp_path


def dvc_resolves(root: Path) -> dict[str, Any] | None:
    """What DVC makes of the stages; None if it refuses."""
    try:
        with Repo(str(root)) as repo:
            stages = repo.index.stages
            _ = repo.index.graph
            return {stage.addressing: _of_dvc(stage) for stage in stages}
    except (DvcException, ValueError, TypeError, AttributeError, KeyError):
        return None


def _of_dvc(stage: Any) -> dict[str, Any]:
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    return {
        "cmd": stage.cmd,
        "deps": sorted(dep.def_path for dep in stage.deps if dep not in params),
        "params": {dep.def_path: sorted(dep.params) for dep in params},
        "wdir": str(Path(stage.wdir).relative_to(Path.cwd())),
        "paths": sorted(str(Path(part.fs_path).relative_to(Path.cwd())) for part in [*stage.deps, *stage.outs]),
        "outs": sorted((out.def_path, out.use_cache, out.persist) for out in stage.outs),
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
    }


def _of_ours(stage: Stage) -> dict[str, Any]:
    return {
        "cmd": stage.cmd,
        "deps": sorted(map(stage.as_written, stage.deps)),
        "params": {stage.as_written(file): sorted(names) for file, names in stage.params.items()},
        "wdir": stage.wdir or ".",
        "paths": sorted([*stage.reads(), *(out.path for out in stage.outs)]),
        "outs": sorted((stage.as_written(out.path), out.cache, out.persist) for out in stage.outs),
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
    }


def we_resolve(root: Path) -> dict[str, Any] | str:
    """What we make of the stages; the message where it is refused."""
    try:
        return {name: _of_ours(stage) for name, stage in Snapshot(root).graph.stages.items()}
    except MorphseqError as error:
        return str(error)


def stages(text: str) -> Iterator[dict[str, Any]]:
    """A stage with the text in each place that it can be filled in, and groups."""
    yield {"cmd": f"run {text}"}
    yield {"cmd": text}
    yield {"cmd": ["first", f"run {text}"]}
    yield {"cmd": "run", "deps": [f"in/{text}"]}
    yield {"cmd": "run", "deps": [text]}
    yield {"cmd": "run", "outs": [text]}
    yield {"cmd": "run", "outs": [{f"out/{text}": {"cache": False, "persist": True}}]}
    yield {"cmd": "run", "params": [text], "frozen": True}
    yield {"cmd": "run", "meta": {"gpu": text}}
    yield {"cmd": "run", "desc": f"for {text}"}
    yield {"cmd": "run", "always_changed": text}
    for items in ("${plates}", "${list}"):
        yield {"foreach": items, "do": {"cmd": f"run {text}", "deps": [f"in/{text}"]}}


def definitions() -> Iterator[dict[str, Any]]:
    own = [{"own": {"value": "w", "more": ["m"]}}]
    for text in TEXTS:
        for stage in stages(text):
            yield {"vars": own, "stages": {"one": stage}}
    for items in FOREACH:
        for text in ("plain", "${item}", "${key}", "${item.s}"):
            yield {"vars": own, "stages": {"one": {"foreach": items, "do": {"cmd": f"run {text}"}}}}
    for parts in VARS:
        group = {"foreach": "${plates}", "do": {"cmd": "${key} ${own.value}", "outs": ["out/${key}"]}}
        yield {"vars": parts, "stages": {"one": {"cmd": "run ${name} ${nested.other}"}, "two": group}}


ALL = list(definitions())
CHUNKS = 6


@pytest.mark.parametrize("chunk", [0, *(pytest.param(chunk, marks=pytest.mark.slow) for chunk in range(1, CHUNKS))])
def test_what_is_not_refused_is_resolved_as_dvc_resolves_it(root: Path, chunk: int) -> None:
    taken = 0
    for one in ALL[chunk::CHUNKS]:
        (root / "dvc.yaml").write_text(written(one))
        ours = we_resolve(root)
        if isinstance(ours, str):
            assert "dvc.yaml: " in ours
            continue
        assert ours == dvc_resolves(root), one
        taken += 1
    assert taken > len(ALL) / CHUNKS / 4


def test_the_pipeline_of_the_project_is_resolved_as_dvc_resolves_it(root: Path) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (root / name).write_bytes((REPOSITORY / name).read_bytes())
    ours = we_resolve(root)
    assert isinstance(ours, dict)
    assert len(ours) == 8 * 3 + 5
    assert ours == dvc_resolves(root)
    stages = Snapshot(root).graph.stages
    assert (stages["sam2@20250101"].group, stages["sam2@20250101"].key) == ("sam2", "20250101")
    assert (stages["df01"].group, stages["df01"].key, stages["df01"].meta) == ("df01", None, {})
    assert stages["latents@20250101"].meta["gpu"] == 1


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${nested.deep.er}/${list[1]}", "z/y"),
        (r"\${HOME} ${name}", "${HOME} a"),
        ("${yes} ${no} ${half} ${nothing}", "true false 0.5 None"),
        ("$${name}", "$a"),
        ("${nested.deep.list.0}", "p"),
    ],
)
def test_places_are_filled_in(root: Path, text: str, filled: str) -> None:
    (root / "dvc.yaml").write_text(written({"stages": {"one": {"cmd": text}}}))
    assert we_resolve(root) == dvc_resolves(root)
    assert Snapshot(root).graph.stages["one"].cmd == filled


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ({"matrix": {"a": "plain"}, "cmd": "run"}, "matrix: a is 'plain', expected a list"),
        ({"matrix": ["a"], "cmd": "run"}, "matrix: can't use ['a']"),
        ({"matrix": {"a": [1]}, "foreach": [1], "do": {"cmd": "run"}}, "`matrix` is not supported here"),
        ({"cmd": "run", "wdir": "../data"}, "wdir: '../data' is outside of the project"),
        ({"cmd": "run", "vars": [{"name": 1}]}, "vars: 'name' is there already"),
        ({"cmd": "run", "vars": ["none.yaml"]}, "none.yaml, which is not there"),
        ({"cmd": "run", "params": [{"other.yaml": "a"}]}, "params: can't use 'a'"),
        ({"cmd": "", "deps": ["a"]}, "expected a mapping with `cmd`"),
        ({"cmd": "run", "deps": "one"}, "deps: can't use 'one'"),
        ({"cmd": "run", "deps": ["a::b"]}, "can't use the path 'a::b'"),
        ({"cmd": "run", "deps": ["remote:b"]}, "can't use the path 'remote:b'"),
        ({"cmd": "run", "params": [{"a:b": ["c"]}]}, "'a:b': a file of settings may have no colon"),
        ({"cmd": "run", "wdir": "/home/me/sub"}, "Write it from the folder of dvc.yaml, such as sub"),
        ({"cmd": "run", "deps": ["sub/dvc.yaml"]}, "'sub/dvc.yaml' is a file of DVC's"),
        ({"cmd": "run", "outs": ["o", "o"]}, "lists o twice. Delete one"),
        ({"cmd": "run", "deps": [""]}, "can't use the path ''"),
        ({"cmd": "run", "outs": ["."]}, "can't use the path '.'"),
        ({"cmd": "run", "deps": ["a/b"], "outs": ["a//b"]}, "'a//b' and 'a/b' are one path"),
        ({"cmd": "run", "outs": [{"a": {"checkpoint": True}}]}, "`checkpoint` is not supported"),
        ({"cmd": "run", "outs": [{"a": "b"}]}, "'b': expected a mapping"),
        ({"cmd": "run", "outs": [{"a": None}]}, "None: expected a mapping"),
        ({"cmd": "run", "outs": [{"a": {"cache": "no"}}]}, "`cache` is 'no', expected true or false"),
        ({"cmd": "run", "frozen": "yes"}, "`frozen` is 'yes', expected true or false"),
        ({"cmd": "run", "meta": {"gpu": "${missing}"}}, "meta: ${missing} is not to be found"),
        ({"cmd": "run", "meta": {"gpu": "${list}"}}, "meta: ${list} is a list"),
        ({"cmd": "run", "desc": "${missing}"}, "desc: ${missing} is not to be found"),
        ({"cmd": "${number}"}, "${number} is not a text"),
        ({"cmd": "run ${list}"}, "${list} is a list"),
        ({"cmd": "run ${}"}, "can't use ${}"),
        ({"deps": ["a"]}, "expected a mapping with `cmd`"),
        ({"foreach": "${number}", "do": {"cmd": "run"}}, "foreach goes over int"),
        ({"foreach": {"${name}": 1}, "do": {"cmd": "run"}}, "foreach: '${name}': DVC fills in nothing here"),
        ({"foreach": "${plates}", "do": "run"}, "expected a mapping with `cmd`"),
        ({"foreach": "${plates}", "cmd": "run"}, "`cmd` is not supported"),
    ],
)
def test_what_is_not_supported_is_refused_with_file_and_stage(root: Path, stage: dict[str, Any], said: str) -> None:
    (root / "dvc.yaml").write_text(written({"stages": {"some_stage": stage}}))
    message = we_resolve(root)
    assert isinstance(message, str)
    assert "dvc.yaml: stage 'some_stage'" in message or message.startswith("dvc.yaml: `vars` names ")
    assert said in message


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"stages": {}, "datasets": []}, "`datasets` is not supported"),
        ({"vars": ["other.yaml"], "stages": {}}, "other.yaml, which is not there"),
        ({"vars": ["params.yaml:name"], "stages": {}}, "takes what was taken from params.yaml before"),
        ({"vars": ["../other.yaml"], "stages": {}}, "outside of the project"),
        ({"vars": {"a": 1}, "stages": {}}, "vars: can't use {'a': 1}"),
        ({"stages": {"a@b": {"cmd": "run"}}}, "DVC takes no such name"),
        ({"stages": {1: {"cmd": "run"}}}, "DVC takes no such name"),
        ({"vars": [{"name": "b"}], "stages": {}}, "'name' is there already"),
        ({"vars": [{"more": ["${name}"]}], "stages": {}}, "vars: '${name}': DVC fills in nothing here"),
        ({"stages": []}, "expected `stages`"),
        ({"stages": {"a": None}}, "expected `stages`"),
        ([], "expected `stages`"),
    ],
)
def test_a_file_that_is_not_supported_is_refused(root: Path, definition: Any, said: str) -> None:
    (root / "dvc.yaml").write_text(written(definition))
    message = we_resolve(root)
    assert isinstance(message, str)
    assert said in message


def test_a_file_that_is_no_yaml_is_refused_with_the_line(root: Path) -> None:
    (root / "dvc.yaml").write_text("stages:\n  a: {cmd: [}\n")
    assert "dvc.yaml, line 2: not valid YAML" in str(we_resolve(root))
    (root / "dvc.yaml").write_text("stages:\n  a: {cmd: b}\n  a: {cmd: c}\n")
    assert "dvc.yaml, line 3: not valid YAML" in str(we_resolve(root))


@pytest.mark.parametrize(
    ("outs", "said"),
    [
        ({"one": ["data/x"], "two": ["data/x"]}, "data/x is made by both one and two"),
        ({"one": ["data/x"], "two": ["data/x/y/z"]}, "data/x/y/z, made by two, is inside data/x, made by one"),
        ({"one": ["data/x/y"], "two": ["data/x"]}, "data/x/y, made by one, is inside data/x, made by two"),
        ({"one": ["data/x", "data/x/y"]}, "data/x/y, made by one, is inside data/x, made by one"),
    ],
)
def test_outputs_that_overlap_are_refused_as_dvc_refuses_them(root: Path, outs: dict[str, Any], said: str) -> None:
    stages = {name: {"cmd": "run", "outs": paths} for name, paths in outs.items()}
    (root / "dvc.yaml").write_text(written({"stages": stages}))
    assert dvc_resolves(root) is None
    assert said in str(we_resolve(root))


@pytest.mark.parametrize(
    ("edges", "circle"),
    [
        ({"one": ("two/x", "one/x"), "two": ("one/x", "two/x")}, {"one", "two"}),
        (
            {"one": ("three", "one/x/y"), "two": ("one/x", "two/x"), "three": ("two/x/in", "three")},
            {"one", "two", "three"},
        ),
        ({"one": ("one/x/in", "one/x")}, {"one"}),
        ({"first": ("a", "b"), "one": ("two", "one"), "two": ("one", "two")}, {"one", "two"}),
    ],
)
def test_a_circle_is_refused_and_named(root: Path, edges: dict[str, tuple[str, str]], circle: set[str]) -> None:
    stages = {name: {"cmd": "run", "deps": [dep], "outs": [out]} for name, (dep, out) in edges.items()}
    (root / "dvc.yaml").write_text(written({"stages": stages}))
    assert dvc_resolves(root) is None
    said = str(we_resolve(root))
    assert "dvc.yaml: these stages wait for each other: " in said
    assert set(said.rpartition(": ")[2].split(" -> ")) == circle


def test_an_earlier_stage_stands_before_a_later_one_and_what_comes_after_is_known(root: Path) -> None:
    stages = {
        "last": {"cmd": "run", "deps": ["data/all"]},
        "all": {"cmd": "run", "deps": ["data/parts"], "outs": ["data/all"]},
        "inside": {"cmd": "run", "deps": ["data/folder/deep/file"]},
        "folder": {"cmd": "run", "outs": ["data/folder"]},
        "part": {"foreach": ["a", "b"], "do": {"cmd": "run", "outs": ["data/parts/${item}"]}},
    }
    (root / "dvc.yaml").write_text(written({"stages": stages}))
    graph = Snapshot(root).graph
    order = list(graph.stages)
    for earlier, later in (("part@b", "all"), ("all", "last"), ("folder", "inside")):
        assert order.index(earlier) < order.index(later)
    assert graph.upstream(["last"]) == {"last", "all", "part@a", "part@b"}
    assert graph.downstream(["part@a"]) == {"part@a", "all", "last"}
    assert graph.before["inside"] == ["folder"]
