"""Pipelines in folders, and data that `.dvc` files track: judged and run as DVC does it, or named."""

from pathlib import Path

import pytest

from tests.dvc.twins import Twins, repo_in

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


@pytest.mark.parametrize("where", ["s3://bucket/x", "https://example.org/x", "../outside", "/outside", "ssh://h/x"])
@pytest.mark.parametrize("part", ["deps", "outs"])
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


@pytest.mark.parametrize(
    "text",
    ["outs: 3\n", "outs:\n- md5: x\n", "a: [\n", "outs:\n- path: /x\n  md5: 0\n", "deps: [{path: a}]\nouts: []\n"],
)
def test_a_dvc_file_of_no_use_is_refused_by_name(tmp_path: Path, text: str) -> None:
    twins = Twins(tmp_path, {"dvc.yaml": "", "odd.dvc": text})
    assert "odd.dvc: can't be used" in twins.ours.morphseq("status", code=2)
