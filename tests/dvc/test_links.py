"""Outputs are linked to the cache as `cache.type` has it: the same links and modes as `dvc repro` leaves."""

import os
import shutil
from pathlib import Path

import pytest

from tests.dvc.twins import Twins

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
PIPELINE = """\
stages:
  file:
    cmd: cp in out; chmod 600 out
    deps: [in]
    outs: [out]
  empty:
    cmd: "true > none; cat in"
    deps: [in]
    outs: [none]
  folder:
    cmd: mkdir -p folder/deep; cp in folder/x; cp out folder/deep/y; chmod 700 folder/x; true > folder/e; cp in folder/z
    deps: [in, out]
    outs: [folder]
  plain:
    cmd: cp in kept; cp in m.json
    deps: [in]
    outs: [kept]
    metrics: [m.json: {cache: false}]
  grows:
    cmd: cat in >> all; mkdir -p more; cat in >> more/x; cat in >> by-git
    deps: [in]
    outs: [all: {persist: true}, more: {persist: true}, by-git: {persist: true, cache: false}]
  apart:
    cmd: cp in by-git-alone
    deps: [in]
    outs: [by-git-alone: {cache: false}]
"""
KINDS = [
    "hardlink",
    "symlink",
    "copy",
    "reflink,copy",
    "reflink,hardlink,copy",
    "hardlink,symlink",
    "symlink, copy",
    "copy,hardlink",
]
IGNORED = "/out\n/none\n/folder\n/kept\n/all\n/more\n/outside\n/tool\n/link\n/twin\n/links\n/one\n/other\n"


def twins_with(folder: Path, kinds: str, pipeline: str, more: str = "") -> Twins:
    twins = Twins(folder, {"dvc.yaml": pipeline, "in": "1", ".gitignore": IGNORED})
    twins.write({".dvc/config": f"[cache]\n    type = {kinds}\n{more}"})
    return twins


@pytest.mark.parametrize("kinds", KINDS)
def test_outputs_are_linked_as_dvc_links_them(tmp_path: Path, kinds: str) -> None:
    twins = twins_with(tmp_path, kinds, PIPELINE)
    assert not twins.check_status()
    names = {"file", "empty", "folder", "plain", "grows", "apart"}
    assert twins.check_run().ran == names
    assert twins.check_status()
    assert "as recorded" in twins.ours.morphseq("verify")
    twins.write({"in": "2"})
    assert twins.check_run().ran == names
    twins.write({"in": "1"})
    assert twins.check_run().restored == {"file", "empty", "folder", "plain"}
    assert twins.check_status()
    twins.write({"out": "edited", "folder/z": None})
    assert not twins.check_status()
    assert twins.check_run().restored == {"file", "folder"}
    assert "up to date" in twins.ours.run("dvc", "status")


def test_a_kind_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    twins = twins_with(tmp_path, "reflink", "stages:\n  a:\n    cmd: cp in out\n    deps: [in]\n    outs: [out]\n")
    if not twins.check_run().fine:  # as on most file systems
        assert "dvc config cache.type reflink,copy" in twins.ours.morphseq("run", code=1)


def test_a_kind_that_is_none_is_refused(tmp_path: Path) -> None:
    twins = twins_with(tmp_path, "reflink, shortcut", "")
    assert "'shortcut' is not one of reflink, hardlink" in twins.ours.morphseq("status", code=2)


@pytest.mark.parametrize("kinds", ["hardlink", "symlink", "copy", "reflink,copy"])
def test_a_file_that_may_be_executed_stays_so(tmp_path: Path, kinds: str) -> None:
    pipeline = "stages:\n  a:\n    cmd: cp in tool; chmod 755 tool\n    deps: [in]\n    outs: [tool]\n"
    twins = twins_with(tmp_path, kinds, pipeline)
    assert twins.check_run().ran == {"a"}
    assert os.access(twins.ours.root / "tool", os.X_OK)
    twins.write({"tool": None})
    assert twins.check_run().restored == {"a"}
    assert os.access(twins.ours.root / "tool", os.X_OK)


LINKED = """\
stages:
  a:
    cmd: ln -s "$PWD/outside" link; ln outside twin; mkdir links; ln -s ../outside links/x; ln outside links/y
    deps: [outside]
    outs: [link, twin, links]
"""


@pytest.mark.parametrize("kinds", ["hardlink", "symlink", "copy", "reflink,copy"])
def test_what_a_stage_linked_itself_is_in_the_cache_and_the_other_file_left_alone(tmp_path: Path, kinds: str) -> None:
    twins = twins_with(tmp_path, kinds, LINKED)
    twins.write({"outside": "1"})
    root = twins.ours.root
    if kinds == "hardlink":  # where DVC has the other file in the cache, and protects it
        twins.ours.morphseq("run")
        assert (root / "link").stat().st_nlink == (root / "links/x").stat().st_nlink > 1
    else:
        assert twins.check_run().ran == {"a"}
    assert (root / "outside").stat().st_mode & 0o777 == 0o644
    (root / "outside").write_text("2")
    assert (root / "link").read_text() == (root / "links/x").read_text() == "1"


@pytest.mark.parametrize("place", ["../cache", "in/side"])
@pytest.mark.parametrize("kinds", ["hardlink", "symlink"])
def test_links_to_a_cache_elsewhere(tmp_path: Path, kinds: str, place: str) -> None:
    pipeline = (
        "stages:\n  a:\n    cmd: cp in out; mkdir folder; cp in folder/x\n    deps: [in]\n    outs: [out, folder]\n"
    )
    twins = twins_with(tmp_path, kinds, pipeline)
    twins.write({".dvc/config": f"[cache]\n    type = {kinds}\n    dir = {place}\n"})
    twins.check_run()
    twins.write({"in": "2"})
    twins.check_run()
    twins.write({"in": "1"})
    assert twins.check_run().restored == {"a"}
    assert twins.check_status()


@pytest.mark.parametrize("kinds", ["reflink,copy", "copy", "hardlink", "symlink"])
def test_a_cache_that_a_group_shares_has_the_modes_for_it(tmp_path: Path, kinds: str) -> None:
    twins = twins_with(tmp_path, kinds, PIPELINE, "    shared = Group\n")
    assert twins.check_run().fine
    twins.write({"in": "2"})
    assert twins.check_run().fine
    twins.write({"in": "1"})
    assert twins.check_run().restored
    assert twins.check_status()


def test_a_group_that_is_none_is_refused(tmp_path: Path) -> None:
    twins = twins_with(tmp_path, "copy", "", "    shared = all\n")
    assert "cache.shared is 'all', expected group" in twins.ours.morphseq("status", code=2)


def test_links_to_what_the_cache_has_lost_are_made_anew(tmp_path: Path) -> None:
    pipeline = (
        "stages:\n  a:\n    cmd: cp in out; mkdir folder; cp in folder/x\n    deps: [in]\n    outs: [out, folder]\n"
    )
    twins = twins_with(tmp_path, "symlink", pipeline)
    assert twins.check_run().ran == {"a"}
    twins.both(lambda root: shutil.rmtree(root / ".dvc/cache"))
    assert not twins.check_status()
    assert twins.check_run().ran == {"a"}
    assert twins.check_status()


def test_stages_that_make_the_same_at_once_share_what_the_cache_has(tmp_path: Path) -> None:
    pipeline = (
        "stages:\n  a:\n    foreach: [one, other]\n    do: {cmd: 'cp in ${item}', deps: [in], outs: ['${item}']}\n"
    )
    twins = twins_with(tmp_path, "hardlink", pipeline)
    assert twins.check_run("-j2").ran == {"a@one", "a@other"}
    assert (twins.ours.root / "one").samefile(twins.ours.root / "other")


@pytest.mark.parametrize("kinds", ["hardlink", "symlink"])
def test_a_stage_that_fails_gets_its_links_back(tmp_path: Path, kinds: str) -> None:
    pipeline = "stages:\n  a:\n    cmd: cp in out; cat more >> out; test ! -e fails\n    deps: [in]\n    outs: [out]\n"
    twins = twins_with(tmp_path, kinds, pipeline)
    twins.write({"more": "0"})
    twins.check_run()
    twins.write({"in": "2", "fails": ""})
    assert not twins.check_run().fine
    out = twins.ours.root / "out"
    assert (out.read_text(), out.is_symlink(), out.stat().st_nlink) == (
        "10",
        kinds == "symlink",
        1 + (kinds == "hardlink"),
    )
