"""The same verdict as `dvc status --json`, stage by stage: after hundreds of random edits, and where DVC is blind.

The differences that are intended, each tested by itself below, and listed in README.md:

1. An edit of a file that keeps its size, its inode and its mtime: DVC does not see it. We do, by its ctime.
2. What an experiment that is no longer listed left behind keeps an aggregate clean for DVC. We name it: an orphan.
3. A damaged entry of dvc.lock that DVC takes for "never recorded". We refuse the lock, exit 3. Never the other way.
4. What can't be read ends the whole `dvc status`: a link to nothing or in a circle, a file without permission; a pipe
   has it wait for ever. With us that spoils the stages that read or make it, exit 4.
"""

import os
import random
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from morphseq_manifest.answers.status.report import status
from morphseq_manifest.tracker.disk import workspace
from tests import toy
from tests.conftest import Once
from tests.faults.campaign import edits
from tests.faults.campaign.truth import Said
from tests.project import Project

CHUNKS = 16
_LOCK = "dvc.lock"


@pytest.fixture(scope="session")
def built_toy(once: Once) -> Path:
    return once("toy", toy.build)


@pytest.fixture
def small(built_toy: Path, tmp_path: Path) -> Project:
    """A toy project of the test's own in which everything has run."""
    return Project(copy_of(built_toy, tmp_path / "project"))


def copy_of(built: Path, to: Path) -> Path:
    """A copy; what is only ever replaced as a whole, git's objects, is linked."""

    def copy(one: str, other: str) -> None:
        (os.link if "/.git/objects/" in one else shutil.copy2)(one, other)

    shutil.copytree(built, to, symlinks=True, copy_function=copy, ignore=shutil.ignore_patterns("*.sample", "logs"))
    return to


@pytest.mark.parametrize("chunk", [0, *(pytest.param(chunk, marks=pytest.mark.slow) for chunk in range(1, CHUNKS))])
def test_the_verdict_is_that_of_dvc_after_any_edit(
    built_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setitem(vars(workspace), "SETTLED_NS", vars(workspace)["SETTLED_NS"])  # put back afterwards
    for number, kind in enumerate(sorted(edits.KINDS)[chunk::CHUNKS]):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert edits.attempt(built_toy.parent, folder, kind, number % 4, random.Random(kind)) == [], kind
        shutil.rmtree(folder)


def dvc_status(project: Project) -> Said:
    """What `dvc status --json` prints."""
    found: Said = msgspec.json.decode(project.run("dvc", "status", "--json"))
    return found


def states(project: Project, code: int) -> dict[str, str]:
    """The stages that are not up to date for `morphseq status`, which must end with this code."""
    report = status(project.root, threads=2)
    assert report.exit_code == code
    return {name: str(step.state) for name, step in report.steps.items() if not step.is_up_to_date}


def put_back(path: Path, data: bytes) -> None:
    """Edit a file in place and put its mtime back."""
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def test_an_edit_with_size_and_time_restored_is_seen_here_and_not_by_dvc(small: Project) -> None:
    assert dvc_status(small) == {}
    status(small.root)
    frame = small.root / "data/frames/20240418/A01_t0000.png"
    put_back(frame, frame.read_bytes().upper())
    assert dvc_status(small) == {}
    assert states(small, code=1)["images@20240418"] == "out of date"


def test_what_a_removed_experiment_left_is_an_orphan_here_and_nothing_to_dvc(small: Project) -> None:
    text = (small.root / "dvc.yaml").read_text()
    (small.root / "dvc.yaml").write_text(text.replace("      - experiments\n", ""))
    small.repro("df01")
    small.edit("params.yaml", '  "odd_v1.2":\n    segmenter: other\n', "")
    assert dvc_status(small) == {}
    found = status(small.root).unusual
    assert found is not None
    assert found.orphans == {
        "odd_v1.2": [
            "data/labels/odd_v1.2",
            "data/latents/a/odd_v1.2.csv",
            "data/tables/odd_v1.2.csv",
            "manifests/images/odd_v1.2.json",
            "images@odd_v1.2 in dvc.lock",
            "sam2@odd_v1.2 in dvc.lock",
            "latents@odd_v1.2 in dvc.lock",
        ]
    }
    assert found.unlisted == ["data/frames/odd_v1.2"]


@pytest.mark.parametrize(
    "damaged",
    [r"\1      hash: md5\n      md5:\n", r"\1      hash: sha256\n      md5: \2\n"],
    ids=["an empty md5", "another hash"],
)
def test_a_damaged_entry_of_the_lock_is_refused_here_and_no_record_to_dvc(small: Project, damaged: str) -> None:
    path = small.root / _LOCK
    entry = re.compile(r"(    - path: manifests/images/odd_v1.2.json\n)      hash: md5\n      md5: (\w+)\n")
    path.write_text(entry.sub(damaged, path.read_text()))
    assert dvc_status(small)
    assert "git checkout dvc.lock" in small.morphseq("status", code=3)


@pytest.mark.parametrize("target", ["nowhere", "A01_t0000.png"], ids=["to nothing", "in a circle"])
@pytest.mark.parametrize("name", ["data/frames/20240418/A01_t0000.png", "data/plates/20240418.csv"])
def test_a_link_that_leads_nowhere_ends_the_status_of_dvc_and_spoils_one_stage_here(
    small: Project, name: str, target: str
) -> None:
    path = small.root / name
    path.unlink()
    path.symlink_to(target if target == "nowhere" else path)
    small.run("dvc", "status", "--json", fails=True)
    waiting = dict.fromkeys(("sam2@20240418", "latents@20240418", "df01", "df03"), "behind")
    assert states(small, code=4) == {"images@20240418": "unreadable"} | waiting
    assert name in small.morphseq("status", code=4)


def test_a_pipe_is_waited_for_by_dvc_and_spoils_one_stage_here(small: Project) -> None:
    os.mkfifo(small.root / "data/frames/20240418/pipe.png")
    assert states(small, code=4)["images@20240418"] == "unreadable"
    assert "pipe.png: neither a file nor a folder" in small.morphseq("why", "images@20240418", code=4)


def test_a_file_without_permission_ends_the_status_of_dvc_and_spoils_one_stage_here(small: Project) -> None:
    path = small.root / "data/frames/20240418/A01_t0000.png"
    path.write_text("other")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads everything")
    small.run("dvc", "status", "--json", fails=True)
    assert states(small, code=4)["images@20240418"] == "unreadable"
