"""Pipelines in folders, and data that `.dvc` files track: judged and run as DVC does it, or named."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from morphseq_manifest.tracker.snapshot import Snapshot
from tests.dvc.twins import Twins, differences, repo_in
from tests.project import Project, as_json

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
IGNORED = "/bar\n/last\n/sub/o*\n/sub/deep/p\n/data\n/folder\n"
FILES = {
    ".gitignore": IGNORED,
    "dvc.yaml": "stages:\n  a:\n    cmd: cat foo data > bar\n    deps: [foo, data]\n    outs: [bar]\n"
    "  z:\n    cmd: cat sub/o bar > last\n    deps: [sub/o, bar]\n    outs: [last]\n",
    "sub/dvc.yaml": "vars: [{k: v}]\nstages:\n  s:\n    cmd: cat i > o; echo ${lr} ${k} $DVC_STAGE >> o\n"
    "    deps: [i]\n    params: [lr]\n    outs: [o]\n"
    "  g:\n    foreach: [x, y]\n    do:\n      cmd: cp i o-${item}\n      deps: [i]\n"
    "      outs: ['o-${item}']\n",
    "sub/deep/dvc.yaml": "stages:\n  a:\n    wdir: ..\n    cmd: cp i deep/p\n    deps: [i]\n    outs: [deep/p]\n",
    "sub/params.yaml": "lr: 1\n",
    "foo": "1",
    "sub/i": "1",
    "data": "1",
    "folder/x": "x",
}
NAMES = {"a", "z", "sub/dvc.yaml:s", "sub/dvc.yaml:g@x", "sub/dvc.yaml:g@y", "sub/deep/dvc.yaml:a"}


@pytest.fixture
def twins(tmp_path: Path) -> Twins:
    twins = Twins(tmp_path, FILES)
    for root in (twins.theirs, twins.ours.root):
        with repo_in(root) as repo:
            repo.add(["data", "folder"])
    return twins


def test_pipelines_in_folders_are_judged_and_run_for_what_needs_them(twins: Twins) -> None:
    assert not twins.check_status()
    assert twins.check_run().ran == {"a", "z", "sub/dvc.yaml:s"}
    assert not twins.check_status(), "the others are for `dvc repro --all-pipelines`"
    twins.ours.morphseq("run", "sub/dvc.yaml:g", "sub/deep/dvc.yaml:a")
    with repo_in(twins.theirs) as repo:
        repo.reproduce(all_pipelines=True)
    assert twins.check_status()
    twins.write({"sub/i": "2", "sub/params.yaml": "lr: 2\n"})
    assert not twins.check_status()
    assert twins.check_run().ran == {"z", "sub/dvc.yaml:s"}
    twins.write({"sub/i": "1", "sub/params.yaml": "lr: 1\n"})
    assert twins.check_run().restored == {"z", "sub/dvc.yaml:s"}
    assert twins.check_status()
    assert "as recorded" in twins.ours.morphseq("verify")


def test_data_that_has_changed_is_committed_for_what_needs_it(twins: Twins) -> None:
    twins.check_run()
    twins.write({"data": "2"})
    assert not twins.check_status()
    assert "data.dvc" in twins.ours.morphseq("why", "a", code=1)
    assert twins.check_run().ran == {"a", "z"}
    twins.check_status()
    twins.write({"data": "1", "folder/x": None, "folder/y": "y"})
    assert not twins.check_status()
    assert twins.check_run().restored == {"a", "z"}
    assert "folder.dvc" in twins.ours.morphseq("status", "--json", code=1), "nothing needs it"


def test_data_that_is_gone_is_told_and_blocks_what_needs_it(twins: Twins) -> None:
    twins.check_run()
    twins.write({"data": None})
    assert not twins.check_status()
    assert not twins.check_run().fine
    assert "dvc checkout data.dvc" in twins.ours.morphseq("run", code=1)


def test_a_file_that_tracks_nothing_is_fine(tmp_path: Path) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": "", "nothing.dvc": "outs: []\n", "other/dvc.yaml": "stages: {}\n"})
    assert twins.check_status()
    assert twins.check_run().ran == set()


def test_settings_that_a_stage_makes_of_itself_are_refused(tmp_path: Path) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": "stages:\n  a:\n    cmd: x\n    outs: [params.yaml]\n"})
    assert "a makes params.yaml" in twins.ours.morphseq("status", code=2)


@pytest.mark.parametrize(
    ("where", "part"),
    [
        *((url, part) for url in ("s3://bucket/x", "https://example.org/x", "ssh://h/x") for part in ("deps", "outs")),
        ("../outside", "outs"), ("/outside", "outs"),
    ],
)  # fmt: skip
def test_what_is_outside_is_named_and_never_up_to_date(tmp_path: Path, where: str, part: str) -> None:
    one = "stages:\n  a:\n    cmd: cp in out\n    deps: [in]\n    outs: [out]\n"
    pipeline = f"{one}  b:\n    cmd: echo 1\n    {part}: ['{where}']\n"
    twins = Twins(tmp_path, {"dvc.yaml": pipeline, "in": "1"})
    twins.ours.morphseq("run", "a")
    output = twins.ours.morphseq("status", code=4)
    assert f"{where}: not looked at" in output
    twins.ours.morphseq("status", "--json", code=4)
    assert "not looked at" in twins.ours.morphseq("why", "b", code=4)
    assert "not looked at" in twins.ours.morphseq("run", code=1)


def test_dvc_is_asked_about_what_is_outside(tmp_path: Path) -> None:
    """An output beside both copies, which DVC does not cache, and a remote of a kind that is not installed."""
    pipeline = """\
stages:
  a: {cmd: cp in out, deps: [in], params: [b], outs: [out]}
  b: {cmd: cp in ../beside, deps: [in], params: [b], outs: [../beside: {cache: false}]}
"""
    twins = Twins(tmp_path, {"dvc.yaml": pipeline, "in": "1", "params.yaml": "b: 1\n"})
    twins.ours.run("dvc", "repro", "a", "b")

    def stages(code: int) -> dict[str, Any]:
        found: Any = as_json(twins.ours.morphseq("status", "--remote", "--json", code=code))
        return {name: (stage["state"], stage["changed"]) for name, stage in found["cohort"].items()}

    assert stages(0) == dict.fromkeys("ab", ("up to date", {}))
    (tmp_path / "beside").write_text("2")
    twins.ours.edit("params.yaml", "b: 1", "b: 2")
    assert stages(1)["b"] == (
        "out of date",
        {"outs": {str(tmp_path / "beside"): "modified"}, "settings": {"b": "modified"}},
    )
    (twins.ours.root / "dvc.yaml").write_text(f'{pipeline}  c: {{cmd: cat b > c, deps: ["s3://bucket/x"]}}\n')
    state, changed = stages(4)["c"]
    assert state == "unreadable"
    assert "`dvc status c` says: " in changed["troubles"][0]


@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_dependency_outside_of_the_project(tmp_path: Path, is_absolute: bool) -> None:
    """A file and a folder beside both copies, as a path from the project's folder or from the root of all."""
    (tmp_path / "raw/inner").mkdir(parents=True)
    for name in ("one.csv", "raw/a.txt", "raw/inner/b.txt"):
        (tmp_path / name).write_text(name)
    at, up = (str(tmp_path), "") if is_absolute else ("..", "../")
    pipeline = f"""\
stages:
  a: {{cmd: "cat {at}/one.csv > a", deps: ["{at}/one.csv"], outs: [a]}}
  sub: {{wdir: sub, cmd: "ls {up}{at}/raw > b", deps: ["{up}{at}/raw"], outs: [b]}}
  all: {{cmd: cat a sub/b > c, deps: [a, sub/b], outs: [c]}}
"""
    twins = Twins(tmp_path, {"dvc.yaml": pipeline, "sub/there": ""})
    assert twins.check_run().ran == {"a", "sub", "all"}
    assert twins.check_status()
    assert twins.check_run().ran == set()
    (tmp_path / "raw/inner/new.txt").write_text("new")
    assert not twins.check_status()
    assert twins.check_run().ran == {"sub"}
    (tmp_path / "one.csv").write_text("other")
    assert twins.check_run().ran == {"a", "all"}
    (tmp_path / "one.csv").unlink()
    assert not twins.check_status()
    twins.ours.morphseq("verify", code=3)


def test_a_dependency_written_as_if_it_were_outside(tmp_path: Path) -> None:
    for number, (dep, told) in enumerate(
        {"../ours/in": "write in", f"{tmp_path}/1/ours/in": "write in", "../..": "the project is in"}.items()
    ):
        pipeline = f"stages: {{a: {{cmd: x, deps: ['{dep}']}}}}\n"
        twins = Twins(tmp_path / str(number), {"dvc.yaml": pipeline, "in": "1"})
        assert told in twins.ours.morphseq("status", code=2)


@pytest.mark.parametrize(
    "text",
    ["outs: 3\n", "outs:\n- md5: x\n", "a: [\n", "outs:\n- path: /x\n  md5: 0\n", "deps: [{path: a}]\nouts: []\n"],
)
def test_a_dvc_file_of_no_use_is_refused_by_name(tmp_path: Path, text: str) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": "", "odd.dvc": text})
    assert "odd.dvc: can't be used" in twins.ours.morphseq("status", code=2)


@pytest.mark.parametrize("wdir", ["deep", "${place}"])
def test_a_pipeline_in_a_folder_is_resolved_anew_if_what_it_is_filled_in_from_is_another(
    tmp_path: Path, wdir: str
) -> None:
    stage = f"  one: {{wdir: '{wdir}', vars: [more.yaml], cmd: 'echo ${{lr}} ${{far}} > o', outs: [o]}}\n"
    pipeline = f"vars: [{{place: deep}}]\nstages:\n{stage}"
    twins = Twins(
        tmp_path,
        {".gitignore": "o\n", "sub/dvc.yaml": pipeline, "sub/params.yaml": "lr: 1\n", "sub/deep/more.yaml": "far: 1\n"},
    )
    assert _command(twins) == "echo 1 1 > o"
    twins.write({"sub/params.yaml": "lr: 2\n"})
    assert _command(twins) == "echo 2 1 > o"
    twins.write({"sub/deep/more.yaml": "far: 2\n"})
    assert _command(twins) == "echo 2 2 > o"
    twins.write({"sub/params.yaml": "lr: 1\n", "sub/deep/more.yaml": "far: 1\n"})
    assert _command(twins) == "echo 1 1 > o"
    assert not twins.check_status()


def _command(twins: Twins) -> Any:
    twins.ours.morphseq("status", code=1)  # which keeps what it has resolved
    return Snapshot(twins.ours.root).graph.stages["sub/dvc.yaml:one"].cmd


@pytest.mark.parametrize(("folder", "targets", "chosen"), [
    ("", [], {"a", "z", "sub/dvc.yaml:s"}), ("", ["dvc.yaml:a"], {"a"}), ("", [":a"], {"a"}),
    ("", ["sub/dvc.yaml"], {"sub/dvc.yaml:s", "sub/dvc.yaml:g@x", "sub/dvc.yaml:g@y"}),
    ("", ["sub/dvc.yaml:g@x"], {"sub/dvc.yaml:g@x"}), ("", ["dvc.yaml"], {"a", "z", "sub/dvc.yaml:s"}),
    ("sub", [], {"sub/dvc.yaml:s", "sub/dvc.yaml:g@x", "sub/dvc.yaml:g@y"}), ("sub", ["s"], {"sub/dvc.yaml:s"}),
    ("sub", ["dvc.yaml:s"], {"sub/dvc.yaml:s"}), ("sub", ["g@y"], {"sub/dvc.yaml:g@y"}),
    ("sub", ["../dvc.yaml:a"], {"a"}), ("sub", ["deep/dvc.yaml:a"], {"sub/deep/dvc.yaml:a"}),
    ("sub/deep", ["a"], {"sub/deep/dvc.yaml:a"}),
    ("sub/deep", ["../dvc.yaml:g"], {"sub/dvc.yaml:g@x", "sub/dvc.yaml:g@y"}),
])  # fmt: skip
def test_targets_are_named_from_the_current_folder(
    twins: Twins, folder: str, targets: list[str], chosen: set[str]
) -> None:
    twins.write({"sub/dvc.yaml": FILES["sub/dvc.yaml"].replace(" $DVC_STAGE", "")})  # DVC names it from the folder
    with repo_in(twins.theirs) as repo:
        os.chdir(twins.theirs / folder)
        repo.reproduce(targets or None)
    ran = Project(twins.ours.root / folder).morphseq("run", *targets)
    assert {name for name in NAMES if re.search(rf"(?m)^{re.escape(name)} +ran", ran)} == chosen, ran
    # The order of independent stages is any in DVC, if they are less than half of all.
    twins.both(lambda root: [path.write_text("".join(sorted(path.open()))) for path in root.rglob("dvc.lock")])
    found = differences(twins.ours.root, twins.theirs)
    assert not found, "\n".join(found)


def test_in_a_folder_without_a_pipeline_the_one_at_the_top_runs(twins: Twins) -> None:
    ours = Project(twins.ours.root / "folder")
    assert "sub/dvc.yaml:s" in ours.morphseq("run")
    assert "'s' is not a stage" in ours.morphseq("run", "s", code=2)
