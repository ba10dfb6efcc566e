# ruff: noqa: E501 - a case a line
"""What dvc.yaml may say: resolved as DVC resolves it, or refused; `matrix`, `vars`, `wdir`, other files of settings."""

from pathlib import Path
from typing import Any

import pytest

from tests.tracker.dvc.test_definition import PARAMS, dvc_resolves, root, we_resolve, written

__all__ = ["root"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")

FILES = {
    "params.yaml": PARAMS,
    "more.yaml": "more: {a: 1, b: two}\nlater: [x]\n",
    "part.json": '{"left": {"l": "m"}, "right": 2}',
    "set.toml": 'top = "t"\n[table]\nvalue = 3\n',
    "code.py": 'word = "p"\nclass Own:\n    size = 4\n    def __init__(self):\n        self.depth = (1, 2)\n',
    "src/local.yaml": "here: in src\n",
    "empty.yaml": "",
}
STAGE = {"cmd": "run ${name}", "deps": ["in"], "outs": ["out"]}


def one(**stage: Any) -> dict[str, Any]:
    return {"stages": {"one": {"cmd": "run", **stage}}}


DEFINITIONS: dict[str, dict[str, Any]] = {
    "matrix of lists": one(matrix={"a": [1, 2], "b": ["x", "y"]}, cmd="run ${item.a} ${item.b} ${key}", outs=["o-${key}"]),
    "matrix of one": one(matrix={"a": ["p", "p"]}, cmd="run ${item.a}"),
    "matrix of settings": one(matrix={"a": "${list}", "b": "${numbers}"}, cmd="run ${item.a}${item.b}"),
    "matrix of mappings": one(matrix={"a": [{"s": 1}, {"s": 2}], "b": [True, None]}, cmd="run ${item.a.s} ${item.b}"),
    "matrix of lists in lists": one(matrix={"a": [[1, 2], [3]]}, cmd="run ${item.a[0]}"),
    "matrix with a setting in a list": one(matrix={"a": ["${name}", "${yes}", "x${no}", "${plates.e1}"]}, cmd="run ${key}"),
    "matrix of nothing": one(matrix={"a": []}),
    "matrix over mixed settings": one(matrix={"a": "${mixed}"}, cmd="run ${item.a.s}"),
    "matrix over a mapping": one(matrix={"a": "${plates}"}),
    "matrix over a text": one(matrix={"a": "${name}"}),
    "matrix with its own vars": one(matrix={"a": [1]}, vars=[{"mine": 2}], cmd="run ${mine} ${item.a}"),
    "matrix with item in vars": one(matrix={"a": [1]}, vars=[{"item": 2}], cmd="run ${item}"),
    "foreach over numbers": {"stages": {"one": {"foreach": [1, 2.5, True, None], "do": {"cmd": "run ${item}"}}}},
    "foreach over mappings": {"stages": {"one": {"foreach": [{"a": 1}, {"a": 2}], "do": {"cmd": "run ${item.a}"}}}},
    "foreach over mixed": {"stages": {"one": {"foreach": [{"a": 1}, "b"], "do": {"cmd": "run x"}}}},
    "foreach over lists": {"stages": {"one": {"foreach": [[1], [2]], "do": {"cmd": "run ${item[0]}"}}}},
    "foreach over settings in a list": {"stages": {"one": {"foreach": ["${plates.e1}", "${plates.e2}"], "do": {"cmd": "run ${item.s}"}}}},
    "foreach over taken truths": {"stages": {"one": {"foreach": ["${yes}", "${no}", True], "do": {"cmd": "run ${item}"}}}},
    "foreach over a mapping of lists": {"stages": {"one": {"foreach": {"a": [1], "b": [2]}, "do": {"cmd": "run ${item[0]} ${key}"}}}},
    "foreach over keys of all kinds": {"stages": {"one": {"foreach": {True: 1, 2: 3, None: 4}, "do": {"cmd": "run ${key} ${item}"}}}},
    "foreach with vars": {"stages": {"one": {"foreach": ["a"], "do": {"vars": [{"v": 1}], "cmd": "run ${v} ${item}"}}}},
    "foreach with key in vars": {"stages": {"one": {"foreach": {"a": 1}, "do": {"vars": [{"key": 1}], "cmd": "run"}}}},
    "foreach over slashes": {"stages": {"one": {"foreach": ["a/b", "c.d"], "do": {"cmd": "run ${item}", "outs": ["o/${item}"]}}}},
    "wdir": one(wdir="src", deps=["in", "../top", "./dot", "a//b", "deep/"], outs=["out", "../top2"]),
    "wdir filled in": one(wdir="${name}/${list[0]}", deps=["in"], outs=["out"]),
    "wdir of a group": {"stages": {"one": {"foreach": ["a", "b"], "do": {"wdir": "d/${item}", "cmd": "run", "outs": ["o"]}}}},
    "wdir of dot": one(wdir=".", deps=["in"]),
    "wdir with settings": one(wdir="src", params=["here", {"local.yaml": ["here"]}, {"../more.yaml": ["more"]}]),
    "wdir filled in, with vars": {"vars": [{"place": "src"}], "stages": {"one": {"wdir": "${place}", "vars": ["local.yaml"], "cmd": "run ${here}"}}},
    "wdir with vars": one(wdir="src", vars=["local.yaml"], cmd="run ${here}"),
    "paths in other spellings": one(deps=["./in", "a/../b", "c/"], outs=["./out"]),
    "params of files": one(params=["name", {"more.yaml": ["more.a", "later"]}, {"part.json": ["right"]}, {"set.toml": ["table"]}]),
    "params of a whole file": one(params=[{"more.yaml": None}, {"more.yaml": ["later"]}, {"code.py": []}]),
    "all of params.yaml": one(params=["name", {"params.yaml": None}]),
    "params filled in": one(params=["${nested.other}", {"${list[0]}.yaml": ["${name}"]}]),
    "params twice": one(params=["name", "name", {"params.yaml": ["number"]}]),
    "vars of files": {"vars": ["more.yaml", "part.json:left,right", "set.toml", "code.py"], "stages": {
        "one": {"cmd": "run ${more.b} ${left.l} ${table.value} ${top} ${Own.size} ${word} ${Own.depth[1]}"}}},
    "vars of params.yaml": {"vars": ["params.yaml", "params.yaml"], "stages": {"one": STAGE}},
    "vars of a file twice": {"vars": ["more.yaml", "more.yaml"], "stages": {"one": STAGE}},
    "vars of parts": {"vars": ["part.json:left", "part.json:right"], "stages": {"one": {"cmd": "run ${right}"}}},
    "vars of a part twice": {"vars": ["part.json:left", "part.json:left"], "stages": {"one": STAGE}},
    "vars of a part and all": {"vars": ["part.json:left", "part.json"], "stages": {"one": STAGE}},
    "vars of all and a part": {"vars": ["part.json", "part.json:left"], "stages": {"one": STAGE}},
    "vars of no such part": {"vars": ["part.json:middle"], "stages": {"one": STAGE}},
    "vars of no file": {"vars": ["none.yaml"], "stages": {"one": STAGE}},
    "vars of an empty file": {"vars": ["empty.yaml"], "stages": {"one": STAGE}},
    "vars of a folder": {"vars": ["src"], "stages": {"one": STAGE}},
    "vars that merge": {"vars": [{"nested": {"new": 1}}], "stages": {"one": {"cmd": "run ${nested.new} ${nested.other}"}}},
    "vars of a stage": one(vars=["more.yaml", {"own": 1}], cmd="run ${own} ${more.a}"),
    "vars of a stage again": {"vars": ["more.yaml"], "stages": {"one": {"vars": ["more.yaml"], "cmd": "run ${more.a}"}}},
    "vars of a stage that redefine": one(vars=[{"name": 2}], cmd="run ${name}"),
    "vars of one stage in another": {"stages": {"one": {"vars": [{"v": 1}], "cmd": "run"}, "two": {"cmd": "run ${v}"}}},
    "flags of outputs": one(outs=[{"o": {"desc": "d ${name}", "type": "t", "labels": ["l"], "meta": {"a": 1}, "push": False, "remote": "r"}}]),
    "flags not filled in": one(outs=[{"o": {"desc": "${missing}"}}]),
    "plots": one(plots=[{"p.csv": {"x": "a", "y": "b", "template": "t", "title": "${name}", "header": False, "x_label": "l", "y_label": "m"}}, "q.csv"]),
    "metrics": one(metrics=[{"m.json": {"cache": False}}, "n.json"]),
    "sections at the top": {"params": ["more.yaml"], "metrics": ["m.json"], "plots": [{"p": {"x": "a"}}, "q.csv"],
                            "artifacts": {"a": {"path": "x", "type": "model"}}, "stages": {"one": STAGE}},
    "meta of any form": one(meta=["a", {"b": 1}]), "meta of text": one(meta="owner is ${name}"), "meta missing": one(meta="${missing}"),
    "desc": one(desc="text"), "a name with marks": {"stages": {"a.b:c d": STAGE, "é/f": {"cmd": "x"}}},
    "no deps": one(deps=None), "no outs": one(outs=None), "no params": one(params=None), "no vars": one(vars=None),
    "empty lists": one(deps=[], outs=[], params=[], metrics=[], plots=[], vars=[]),
    "a list in cmd": one(cmd=["a ${name}", "b"]), "an empty cmd": one(cmd=""), "no cmd": one(cmd=None), "an empty list in cmd": one(cmd=[]),
    "an unknown key": one(timeout=3), "a stage of two kinds": {"stages": {"one": {"foreach": [1], "do": {"cmd": "x"}, "matrix": {"a": [1]}}}},
    "a stage without do": {"stages": {"one": {"foreach": [1]}}}, "frozen": one(frozen=True, always_changed=True),
    "a dep that is made": {"stages": {"one": {"cmd": "x", "outs": ["p.yaml"]}, "two": {"cmd": "y", "params": [{"p.yaml": ["a"]}]}}},
    "a circle by settings": {"stages": {"one": {"cmd": "x", "outs": ["p.yaml"], "params": [{"p.yaml": ["a"]}]}}},
    "paths with colons": one(deps=["raw/2024-01-01T10:00:00.csv"], outs=["o:1", "2:30"]), "a remote by its name": one(deps=["remote:a"]),
    "a dep on dvc.yaml": one(deps=["dvc.yaml"]), "a dep on a .dvc file": one(deps=["sub/a.dvc"]), "a dep on a file of that name": one(deps=["a.dvc/b"]),
    "an output that is a pipeline": one(outs=["sub/dvc.yaml"]), "settings in dvc.yaml": one(params=[{"dvc.yaml": ["a"]}]),
    "an output twice": one(outs=["o", "o"]),
    "params of one text": one(params="lr"), "params of a mapping": one(params={"more.yaml": ["later"]}),
    "labels of one text": one(outs=[{"o": {"labels": "l"}}]), "labels of numbers": one(outs=[{"o": {"labels": [1]}}]),
    "a number in desc": one(outs=[{"o": {"desc": 3}}]), "a number for a desc": one(desc=3), "a list in remote": one(outs=[{"o": {"remote": ["a"]}}]),
    "a text in push": one(outs=[{"o": {"push": "x"}}]), "a number in type": one(metrics=[{"o": {"type": 1}}]),
    "a list in y": one(plots=[{"p.csv": {"y": ["a", "b"]}}]), "a text in header": one(plots=[{"p.csv": {"header": "no"}}]),
    "plots of a mapping": {"plots": {"a": 1}, "stages": {"one": STAGE}}, "plots of nothing said": {"plots": [{"a.csv": None}], "stages": {"one": STAGE}},
    "metrics of one text": {"metrics": "x", "stages": {"one": STAGE}}, "numbers in params": {"params": [1], "stages": {"one": STAGE}},
    "artifacts without path": {"artifacts": {"a": {"type": "model"}}, "stages": {"one": STAGE}},
    "artifacts of a list": {"artifacts": ["a"], "stages": {"one": STAGE}}, "artifacts of a text": {"artifacts": {"a": "x"}, "stages": {"one": STAGE}},
    "artifacts with labels": {"artifacts": {"a": {"path": "x", "labels": ["l"], "desc": "d", "meta": 1}}, "stages": {"one": STAGE}},
    "one path twice": one(outs=["a", "./a"]), "a path both ways": one(deps=["./a"], outs=["a"]),
}  # fmt: skip
# What DVC takes, and is refused here, in these words.
REFUSED = {
    "matrix over a mapping": "expected a list", "matrix over a text": "expected a list",
    "an output twice": "lists o twice", "one path twice": "are one path", "a path both ways": "are one path",
    "params of no text": "can't use", "an empty list in cmd": "with `cmd`", "an empty cmd": "with `cmd`", "no cmd": "with `cmd`",
}  # fmt: skip


@pytest.mark.parametrize("case", DEFINITIONS)
def test_it_is_resolved_as_dvc_resolves_it_or_refused_as_dvc_refuses_it(root: Path, case: str) -> None:
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / "dvc.yaml").write_text(written(DEFINITIONS[case]))
    theirs, ours = dvc_resolves(root), we_resolve(root)
    if isinstance(ours, str):
        assert theirs is None or REFUSED.get(case, "nothing") in ours, (theirs, ours)
    else:
        assert ours == theirs


@pytest.mark.parametrize("style", ["bool = boolean_optional", "list = append", "bool = store_true", "list = nargs"])
def test_mappings_in_commands_are_options_in_the_style_of_the_config(root: Path, style: str) -> None:
    (root / ".dvc/config").write_text(f"{(root / '.dvc/config').read_text()}[parsing]\n    {style}\n")
    (root / "dvc.yaml").write_text(written({"stages": {"one": {"cmd": "run ${options} x"}}}))
    assert we_resolve(root) == dvc_resolves(root)
