"""Runs of what dvc.yaml may say: the same runs and is restored, and the same is left behind, as by `dvc repro`."""

from pathlib import Path

import pytest

from tests.dvc.twins import Twins
from tests.running import run_json

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
IGNORED = "/o-*\n/src/o-*\n/out\n/src/out\n"

SETTINGS = {
    "dvc.yaml": """\
stages:
  a:
    cmd: cat in > out
    deps: [in]
    params:
      - lr
      - conf/more.yaml: [one.two, "3"]
      - whole.json:
      - set.toml: [table, list.0]
      - code.py: [Own, pair]
    outs: [out]
""",
    "in": "1",
    "params.yaml": "lr: 1\nunused: 2\n",
    "conf/more.yaml": "one: {two: [1, 2.5, null]}\n3: three\n",
    "whole.json": '{"b": {"c": [true]}, "a": 1e-9, "d.e": "f"}',
    "set.toml": 'list = ["x"]\n[table]\nkey = "v"\n',
    "code.py": "pair = (1, 2)\nclass Own:\n    size = 4\nimport nothing_of_this_name\n",
    ".gitignore": IGNORED,
}
CHANGES: dict[str, dict[str, str | None]] = {
    "a setting of another file": {"conf/more.yaml": "one: {two: [1, 2.5, 3]}\n3: three\n"},
    "what no stage depends on": {"params.yaml": "lr: 1\nunused: 3\n"},
    "one more in a whole file": {"whole.json": '{"b": {"c": [true]}, "a": 1e-9, "d.e": "f", "g": 0}'},
    "one less in a whole file": {"whole.json": '{"b": {"c": [true]}, "d.e": "f"}'},
    "the same in another spelling": {"set.toml": 'list = [ "x", "y" ]\ntable.key = "v"\n'},
    "a tuple": {"code.py": "pair = (1, 3)\nclass Own:\n    size = 4\n"},
    "a number in a class": {"code.py": "pair = (1, 2)\nclass Own:\n    size = 4.0\n    more = 1\n"},
    "back again": {name: SETTINGS[name] for name in ("conf/more.yaml", "whole.json", "set.toml", "code.py")},
}


def test_settings_of_other_files_are_recorded_and_compared(tmp_path: Path) -> None:
    twins = Twins(tmp_path, SETTINGS)
    assert not twins.check_status()
    assert twins.check_run().ran == {"a"}
    assert twins.check_status()
    for change in CHANGES.values():
        twins.write(change)
        twins.check_status()
        twins.check_run()
        assert twins.check_status()


@pytest.mark.parametrize("change", [
    {"whole.json": None}, {"conf/more.yaml": "one: 1\n"}, {"params.yaml": None}, {"set.toml": None},
])  # fmt: skip
def test_a_setting_that_is_gone_is_told_and_the_stage_fails(tmp_path: Path, change: dict[str, str | None]) -> None:
    twins = Twins(tmp_path, SETTINGS)
    twins.check_run()
    twins.write(change)
    assert not twins.check_status()
    assert not twins.check_run().fine
    assert "setting" in twins.ours.morphseq("why", "a", code=1)


def test_settings_that_another_stage_makes_are_those_of_the_moment(tmp_path: Path) -> None:
    pipeline = """\
stages:
  use:
    cmd: cp in out
    deps: [in]
    params: [{o-made.yaml: [x]}]
    outs: [out]
  make:
    cmd: 'sed "s/^/x: /" number > o-made.yaml'
    deps: [number]
    outs: [o-made.yaml]
"""
    twins = Twins(tmp_path, {"dvc.yaml": pipeline, "in": "1", "number": "5\n", ".gitignore": IGNORED})
    assert twins.check_run().ran == {"use", "make"}
    twins.write({"number": "6\n"})
    assert twins.check_run().ran == {"use", "make"}
    twins.write({"number": "5\n"})
    assert twins.check_run().restored == {"use", "make"}
    assert twins.check_status()


FOLDERS = {
    "dvc.yaml": """\
vars: [conf/top.yaml, "conf/part.json:left"]
stages:
  first:
    wdir: src
    cmd: ["cat in > out", "pwd | sed 's/.*[/]//' > o-where; echo $DVC_STAGE >> o-where"]
    deps: [in, ../top, ./odd]
    params: [here, {../params.yaml: [lr]}]
    outs: [out]
    metrics: [{o-where: {cache: false}}]
  second:
    cmd: cat src/out > out; echo ${left.l} ${top}
    deps: [src/out]
    outs: [./out]
  many:
    matrix:
      n: ["${numbers[0]}", 2]
      s: [{k: u}, {k: v}]
    wdir: src
    vars: [local.yaml]
    cmd: echo ${item.n} ${item.s.k} ${mine} > o-${key}
    outs: ["o-${key}"]
""",
    "conf/top.yaml": "top: t\nnumbers: [7]\n",
    "conf/part.json": '{"left": {"l": "m"}, "right": 1}',
    "src/local.yaml": "mine: 3\n",
    "src/params.yaml": "here: 4\n",
    "params.yaml": "lr: 1\n",
    "src/in": "in",
    "src/odd": "odd",
    "top": "top",
    ".gitignore": IGNORED,
}


def test_stages_of_other_folders_and_of_a_matrix_run_as_by_dvc(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FOLDERS)
    assert not twins.check_status()
    names = {"many@7-s0", "many@7-s1", "many@2-s0", "many@2-s1"}
    assert twins.check_run().ran == {"first", "second", *names}
    assert twins.check_status()
    assert "as recorded" in twins.ours.morphseq("verify")
    twins.write({"src/in": "other"})
    assert twins.check_run().ran == {"first", "second"}
    twins.write({"src/in": "in"})
    assert twins.check_run().restored == {"first", "second"}
    twins.write({"src/local.yaml": "mine: 5\n", "src/params.yaml": "here: 6\n"})
    assert twins.check_run().ran == {"first", *names}
    twins.write({"conf/top.yaml": "top: t\nnumbers: [8]\n"})
    assert twins.check_run().ran == {"many@8-s0", "many@8-s1"}
    twins.write({"src/out": None})
    assert not twins.check_status()
    twins.check_run()
    assert twins.check_status()


def test_another_spelling_of_a_path_is_another_path(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FOLDERS)
    twins.check_run()
    twins.write({"dvc.yaml": FOLDERS["dvc.yaml"].replace("./odd", "odd")})
    assert not twins.check_status()
    twins.check_run()
    assert twins.check_status()
    twins.write({"dvc.yaml": FOLDERS["dvc.yaml"].replace("[./out]", "[out]")})
    assert not twins.check_status()
    twins.check_run()


def test_keys_with_slashes_and_the_notes_and_logs_of_their_stages(tmp_path: Path) -> None:
    pipeline = """\
stages:
  b:
    foreach: [x/y, ../z, "%2F"]
    do:
      cmd: cp in 'o-${item}' || cp in "o-$(basename '${item}')"; test -e go
      deps: [in]
      meta: any text
"""
    twins = Twins(tmp_path, {"dvc.yaml": pipeline, "in": "1", ".gitignore": IGNORED})
    assert not twins.check_run().fine
    output = twins.ours.morphseq("status", code=1)
    assert output.count("failed") >= 3, output
    assert not (twins.ours.root / ".dvc/tmp/z.log").exists()
    twins.write({"go": ""})
    assert twins.check_run().ran == {"b@x/y", "b@../z", "b@%2F"}
    assert twins.check_status()


@pytest.mark.parametrize("linked", ["copy", "symlink"])
def test_what_is_restored_into_a_folder_that_is_not_there(tmp_path: Path, linked: str) -> None:
    """One item has run, and the others, which make the same in folders of their own, are restored."""
    pipeline = """\
stages:
  a:
    foreach: [x, y]
    do:
      wdir: ${item}
      cmd: mkdir -p new/deep && cp in new/deep/out && mkdir other && cp in other/b
      deps: [in]
      outs: [new/deep/out, other]
"""
    files = {"dvc.yaml": pipeline, "x/in": "1", "y/in": "2", ".dvc/config.local": f"[cache]\n    type = {linked}\n"}
    twins = Twins(tmp_path, files)
    assert twins.check_run().ran == {"a@x", "a@y"}
    for name in ("new", "other"):
        twins.write({f"y/{name}": None})
    twins.write({"y/in": "1"})
    assert twins.check_run().restored == {"a@y"}
    assert twins.check_status()


MODULES = {
    "dvc.yaml": "stages:\n  a:\n    cmd: python src/main.py\n    deps: [src]\n    outs: [out]\n",
    "src/main.py": "import pathlib\nimport used\npathlib.Path('out').write_text(used.TEXT)\n",
    "src/used.py": "TEXT = 'one'\n",
}


def test_what_python_compiles_in_a_folder_of_modules_that_a_stage_depends_on_is_recorded_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes of compiled modules are others in each copy, since they tell when their sources were written."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    project = Twins(tmp_path, MODULES).ours
    for text in ("one", "another", "two"):
        (project.root / "src/used.py").write_text(f"TEXT = {text!r}\n")
        assert run_json(project, "a") == {"a": "ran"}
        assert (project.root / "out").read_text() == text
        assert list((project.root / "src/__pycache__").iterdir())
        assert "up to date" in project.status()
        assert run_json(project, "a") == {"a": "up to date"}


def test_a_stage_that_changes_what_it_depends_on_is_not_recorded_and_told_why(tmp_path: Path) -> None:
    changing = MODULES | {"src/main.py": "open('src/log', 'a').write('x')\nopen('out', 'w').write('x')\n"}
    project = Twins(tmp_path, changing).ours
    output = project.morphseq("run", code=1)
    assert "src: changed while stage a ran, which is therefore not recorded" in output
    assert "if the stage itself does, let it depend on what it only reads" in output
