"""The same verdict as `dvc status --json`, stage by stage: after hundreds of random edits, and where DVC is blind.

The differences that are intended, each tested by itself below, and listed in README.md:

1. An edit of a file that keeps its size, its inode and its mtime: DVC does not see it. We do, by its ctime.
2. What an experiment that is no longer listed left behind keeps an aggregate clean for DVC. We name it: an orphan.
3. A damaged entry of dvc.lock that DVC takes for "never recorded". We refuse the lock, exit 3. Never the other way.
4. What can't be read ends the whole `dvc status`: a link to nothing or in a circle, a file without permission; a pipe
   has it wait for ever. With us that spoils the stages that read or make it, exit 4.
"""

import contextlib
import logging
import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dvc.exceptions import DvcException
from dvc.repo import Repo

from morphseq_manifest.answers.status.report import status
from morphseq_manifest.base.errors import ContentError, MorphseqError
from morphseq_manifest.tracker.disk import workspace
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.freshness.assess import assess
from morphseq_manifest.tracker.freshness.verdict import Verdict
from morphseq_manifest.tracker.snapshot import Snapshot
from tests import toy
from tests.conftest import Once
from tests.project import Project

SCRIPTS = 200
CHUNKS = 16
Said = dict[str, list[Any]]
_LOCK = "dvc.lock"


@pytest.fixture(scope="session")
def built_toy(once: Once) -> Path:
    return once("toy", toy.build)


@pytest.fixture
def small(built_toy: Path, tmp_path: Path) -> Project:
    """A toy project of the test's own in which everything has run."""
    return Project(copy_of(built_toy, tmp_path / "project"))


@pytest.fixture
def dvc_in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DVC without what it would write outside the project, and without its warnings."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site-cache"))
    logger = logging.getLogger("dvc")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


def copy_of(built: Path, to: Path) -> Path:
    """A copy; what is only ever replaced as a whole, git's objects, is linked."""

    def copy(one: str, other: str) -> None:
        (os.link if "/.git/objects/" in one else shutil.copy2)(one, other)

    shutil.copytree(built, to, symlinks=True, copy_function=copy, ignore=shutil.ignore_patterns("*.sample", "logs"))
    return to


def dvc_says(root: Path) -> Said | None:
    """What DVC itself says; None if it gives up."""
    try:
        with contextlib.chdir(root), Repo() as repo:
            found: Said = repo.status()
            return found
    except (DvcException, OSError, NotImplementedError, TypeError, AttributeError):
        return None


def we_say(root: Path) -> dict[str, Verdict] | MorphseqError:
    """Our verdicts; the error where a file that all depends on is refused."""
    try:
        return assess(Snapshot(root), Workspace(root, threads=2))
    except MorphseqError as error:
        return error


def differences(ours: dict[str, Verdict] | MorphseqError, dvcs: Said | None, damaged: bool) -> dict[str, Any]:
    """Where we and DVC do not agree, but for what is intended; `damaged` says that dvc.lock was."""
    if isinstance(ours, MorphseqError):
        is_fine = dvcs is None or (damaged and isinstance(ours, ContentError) and _LOCK in str(ours))
        return {} if is_fine else {"refused": str(ours)}
    if dvcs is None:
        return {} if any(verdict.troubles for verdict in ours.values()) else {"DVC gives up": ours}
    pairs = {name: (ours[name].as_dvc() if name in ours else None, dvcs.get(name, [])) for name in {*ours, *dvcs}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] or (name in ours and ours[name].troubles)}


class Edits:
    """Random edits of a project, each drawn from a seed: what people and programs do to files and settings."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random = root, random.Random(seed)
        self.damaged = False

    def some(self) -> list[str]:
        """Do some edits; what was done."""
        done = []
        for kind in self.random.choices(KINDS, k=self.random.randint(1, 3)):
            with contextlib.suppress(OSError, IndexError, ValueError):  # nothing is left to edit in that way
                getattr(self, kind)()
                done.append(kind)
        return done

    def files(self) -> list[Path]:
        return sorted(path for path in (self.root / "data").rglob("*") if path.is_file())

    def a_file(self) -> Path:
        return self.random.choice([*self.files(), *sorted((self.root / "manifests").rglob("*.json"))])

    def folders(self) -> list[Path]:
        return sorted(path for path in (self.root / "data").rglob("*") if path.is_dir() and not path.is_symlink())

    def rewrite(self) -> None:
        self.a_file().write_text(f"content {self.random.random()}")

    def keep_the_size(self) -> None:
        path = self.a_file()
        path.write_bytes(bytes(self.random.randrange(256) for _ in range(path.stat().st_size)))

    def touch(self) -> None:
        os.utime(self.a_file(), ns=(0, self.random.randrange(10**18)))

    def delete(self) -> None:
        self.a_file().unlink()

    def delete_folder(self) -> None:
        shutil.rmtree(self.random.choice(self.folders()))

    def create(self) -> None:
        (self.random.choice(self.folders()) / f"new{self.random.randrange(9)}.png").write_text("new")

    def create_ignored(self) -> None:
        (self.random.choice(self.folders()) / ".morphseq-x.tmp").write_text("left by a killed process")

    def create_folder(self) -> None:
        folder = self.random.choice(self.folders()) / f"inner{self.random.randrange(3)}"
        folder.mkdir(exist_ok=True)
        if self.random.random() < 0.5:
            (folder / "deep.png").write_text("deep")

    def rename(self) -> None:
        path = self.random.choice(self.files())
        path.rename(path.with_name(f"renamed{self.random.randrange(9)}.png"))

    def swap(self) -> None:
        one, other = self.a_file(), self.a_file()
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)

    def file_to_folder(self) -> None:
        path = self.a_file()
        path.unlink()
        path.mkdir()
        (path / "inside").write_text("x")

    def folder_to_file(self) -> None:
        path = self.random.choice(self.folders())
        shutil.rmtree(path)
        path.write_text("a file now")

    def link(self) -> None:
        path = self.random.choice(self.files())
        target = self.root / f"elsewhere{self.random.randrange(10**9)}"
        path.rename(target)
        path.symlink_to(target)

    def link_folder(self) -> None:
        path = self.random.choice(self.folders())
        target = self.root / f"storage{self.random.randrange(10**9)}"
        path.rename(target)
        path.symlink_to(target)

    def link_to_nothing(self) -> None:
        path = self.a_file()
        path.unlink()
        path.symlink_to(self.root / "nowhere")

    def swap_folders(self) -> None:
        one, other = self.random.sample(self.folders(), 2)
        aside = self.root / "aside"
        one.rename(aside)
        other.rename(one)
        aside.rename(other)

    def may_be_run(self) -> None:
        self.a_file().chmod(0o755)

    def setting(self) -> None:
        old, new = self.random.choice(
            [("large: 0.2", "large: 0.25"), ("large: 0.2", "large: 0.20"), ("images: 1", "images: 2"),
             ("images: 1", "images: 1.0"), ("images: 1", 'images: "1"'), ("names: [a, b]", "names: [b, a]"),
             ("on: true", "on: 1"), ("  df01: 1\n", ""), ("model_name: a", "model_name: b"), ("sam2: 1", "sam2:"),
             ("\nsam2:\n", "\nsam2_other:\n"), ("segmenter: other", "segmenter: threshold")]
        )  # fmt: skip
        self.replace("params.yaml", old, new)

    def experiments(self) -> None:
        old, new = self.random.choice(
            [('  "odd_v1.2":\n    segmenter: other\n', ""),
             ("model_name:", '  "new_one":\n    segmenter: other\nmodel_name:'),
             ('"20240418"', '"20240419"')]
        )  # fmt: skip
        self.replace("params.yaml", old, new)

    def pipeline(self) -> None:
        old, new = self.random.choice(
            [("stage.py all", "stage.py  all"), ("      - data/plates/${key}.csv\n", ""), ("  df03:\n", "  df04:\n"),
             ("        - data/labels/${key}\n      o", "        - data/labels/${key}\n        - stage.py\n      o"),
             ("      outs:\n        - data/latents", "      frozen: true\n      outs:\n        - data/latents"),
             ("  df01:\n", "  df01:\n    always_changed: true\n"), ("            persist: true\n", ""),
             ("            cache: false\n", ""), ("        - sam2\n", "        - sam2.large\n        - sam2.nested\n"),
             ("      meta:\n        gpu: 1\n", "      desc: Find ${key}\n")]
        )  # fmt: skip
        self.replace("dvc.yaml", old, new)

    def lock(self) -> None:
        path = self.root / _LOCK
        text = path.read_text()
        blocks = text.split("\n  ")
        change = self.random.randrange(5)
        self.damaged |= change in {0, 2, 3}
        if change == 0:
            path.write_text("")
        elif change == 1:
            path.unlink()
        elif change == 2:
            path.write_text(text[: self.random.randrange(len(text))])
        elif change == 3:
            at = self.random.randrange(len(text))
            path.write_text(text[:at] + self.random.choice("0a: '\n") + text[at + 1 :])
        else:
            stages = [number for number, block in enumerate(blocks) if not block.startswith((" ", "-"))][1:]
            chosen = self.random.choice(stages)
            after = next((number for number in stages if number > chosen), len(blocks))
            path.write_text("\n  ".join(blocks[:chosen] + blocks[after:]).rstrip() + "\n")

    def cache(self) -> None:
        held = sorted(path for path in (self.root / ".dvc/cache/files/md5").rglob("*") if path.is_file())
        path = self.random.choice(held)
        path.chmod(0o644)
        if self.random.random() < 0.7:
            path.unlink()
        elif self.random.random() < 0.5:
            path.write_text("damaged")

    def checkout(self) -> None:
        Project(self.root).run("git", "checkout", "--quiet", "--force", self.random.choice(["main~1", "main"]))
        self.damaged = False

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        path.write_text(path.read_text().replace(old, new))


HELPERS = {"some", "files", "a_file", "folders", "replace"}
KINDS = sorted(name for name in vars(Edits) if not name.startswith("_") and name not in HELPERS)
KINDS += ["lock", "setting", "cache"]  # more often


@pytest.mark.usefixtures("dvc_in_process")
@pytest.mark.parametrize("chunk", [0, *(pytest.param(chunk, marks=pytest.mark.slow) for chunk in range(1, CHUNKS))])
def test_the_verdict_is_that_of_dvc_after_any_edits(
    built_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    # What was remembered is relied on, however young: DVC's own look lies between two edits.
    monkeypatch.setattr(workspace, "SETTLED_NS", -(10**18))
    for seed in range(chunk, SCRIPTS, CHUNKS):
        root = copy_of(built_toy, tmp_path / str(seed))
        edits = Edits(root, seed)
        done: list[list[str]] = []
        for _ in range(edits.random.randint(1, 3)):
            done.append(edits.some())
            ours = we_say(root)
            found = differences(ours, dvc_says(root), edits.damaged)
            assert not found, f"script {seed}, after {done}: {found}"
            assert repr(we_say(root)) == repr(ours), f"script {seed}, after {done}: not what was remembered"
        shutil.rmtree(root)


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
    [r"\1", r"\1      hash: md5\n      md5:\n", r"\1      hash: sha256\n      md5: \2\n"],
    ids=["no hash", "an empty md5", "another hash"],
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
