"""A project from a stranger is only looked at: nothing of it runs, and nothing outside of it is written or deleted."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests import toy
from tests.conftest import Once
from tests.project import Project
from tests.running import copy_of

LOOKING = (
    ("status",), ("why", "df01"), ("provenance", "df01"), ("verify",), ("diff",), ("run", "--dry-run"),
    ("code", "status"), ("log",), ("graph",), ("report",), ("blame", "20240418"), ("bisect", "df01", "--when", "rows"),
    ("show", "df01", "--rev", "HEAD"), ("diff", "HEAD", "--rows", "df01"),
)  # fmt: skip
OWN = ".dvc/tmp/morphseq"


@pytest.fixture
def stranger(once: Once, tmp_path: Path) -> Project:
    """A built project of somebody else's, in a folder beside which there is a precious file."""
    (tmp_path / "precious").write_text("mine")
    return copy_of(once("toy", toy.build), tmp_path / "project")


def looked_at(project: Project) -> list[str]:
    """What all looking commands say; none may write the precious file, or run `ran`."""
    said = []
    for command in LOOKING:
        code, output = project.ending("morphseq", *command)
        assert code in range(5), (command, code, output)
        said.append(output)
    assert (project.root.parent / "precious").read_text() == "mine"
    assert not (project.root.parent / "ran").exists()
    return said


@pytest.mark.parametrize(
    "name",
    [
        "params.memo",
        "stages.memo",
        "lock.memo",
        "settings.memo",
        "code.memo",
        "ignore.memo",
        "stat/table",
        "verify.0123",
        "failed/x.txt",
        "history/0",
        "runs/0",
    ],
)
def test_no_link_among_our_files_is_followed(stranger: Project, name: str) -> None:
    path = stranger.root / OWN / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(stranger.root.parent / "precious", path.parent))
    said = looked_at(stranger)
    assert sum("nothing here is ever a link" in output for output in said) >= 5


@pytest.mark.parametrize("name", [OWN, ".dvc/tmp", ".dvc"])
def test_no_link_out_of_the_project_is_followed_on_the_way(stranger: Project, name: str) -> None:
    outside = stranger.root.parent / "outside"
    shutil.move(stranger.root / name, outside) if (stranger.root / name).exists() else outside.mkdir()
    before = sorted(path.name for path in outside.rglob("*"))
    (stranger.root / name).symlink_to(outside)
    said = looked_at(stranger)
    assert sum("leads out of the project" in output for output in said) >= 5
    assert sorted(path.name for path in outside.rglob("*")) == before


def test_a_run_does_not_write_through_a_link_in_the_place_of_a_lock(stranger: Project) -> None:
    lock = stranger.root / ".dvc/tmp/lock"
    lock.unlink(missing_ok=True)
    lock.symlink_to("../../../precious")
    assert "is ever a link" in stranger.morphseq("run", code=2)
    assert (stranger.root.parent / "precious").read_text() == "mine"


def test_programs_of_the_project_are_not_run(stranger: Project) -> None:
    ran = stranger.root.parent / "ran"
    for name in ("dvc", "msgspec", "xxhash", "click", "json", "subprocess", "stage"):
        (stranger.root / f"{name}.py").write_text(f"open({str(ran)!r}, 'w')\n")
    script = stranger.root / "script.sh"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    stranger.run("git", "config", "core.fsmonitor", script)
    (stranger.root / "data/labels/20240418/more.tif").write_text("not recorded")
    looked_at(stranger)


@pytest.mark.parametrize(
    "entry", [{"relpath": "../../../written"}, {"relpath": "/written"}, {"md5": "../../../../precious"}]
)
def test_a_listing_in_the_cache_leads_nowhere_else(stranger: Project, entry: dict[str, str]) -> None:
    cache = stranger.root / ".dvc/cache/files/md5"
    listing = next(path for path in cache.rglob("*.dir"))
    listed = json.loads(listing.read_bytes())
    listing.chmod(0o644)
    listing.write_text(json.dumps([*listed, {"md5": listed[0]["md5"], "relpath": "x", **entry}]))
    listing.chmod(0o444)
    shutil.rmtree(stranger.root / "data/df03")
    stranger.morphseq("run")
    assert (stranger.root / "data/df03").is_dir()
    assert (stranger.root.parent / "precious").read_text() == "mine"
    assert not list(stranger.root.parent.glob("**/written"))
