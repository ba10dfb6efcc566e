"""The same verdict as `dvc status --json`, stage by stage: after hundreds of random edits, and where DVC is blind."""

import contextlib
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dvc.exceptions import DvcException
from dvc.repo import Repo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morphseq_manifest.assess import assess
from morphseq_manifest.errors import MorphseqError
from morphseq_manifest.snapshot import Snapshot
from morphseq_manifest.workspace import Workspace
from tests import toy
from tests.project import Project

Verdicts = dict[str, list[Any]]
_LOCK = "dvc.lock"


@pytest.fixture(scope="session")
def built_toy(shared: Path, once: Callable[[Path, Callable[[Path], None]], Path]) -> Path:
    return once(shared / "toy", toy.build)


def copy_of(built: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(built, to, symlinks=True)
    return to


def dvc_says(root: Path) -> Verdicts | None:
    """The verdicts of DVC itself; None where it gives up."""
    try:
        with contextlib.chdir(root), Repo() as repo:
            found: Verdicts = repo.status()
            return found
    except (DvcException, OSError, NotImplementedError, TypeError, AttributeError):
        return None


def we_say(root: Path) -> Verdicts | None:
    """Our verdicts; None where a file that all depends on is refused, or anything could not be told."""
    try:
        verdicts = assess(Snapshot(root), Workspace(root, threads=2))
    except MorphseqError:
        return None
    if any(verdict.troubles for verdict in verdicts.values()):
        return None
    return {name: verdict.as_dvc() for name, verdict in verdicts.items() if verdict}


class Edits:
    """Random edits of a project, each drawn from a seed: what people and programs do to files and settings."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random = root, random.Random(seed)

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

    def repro_one(self) -> None:
        code, _ = Project(self.root).ending("dvc", "repro", "--single-item", self.random.choice(["df01", "df03"]))
        assert code in {0, 255, 1}

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        path.write_text(path.read_text().replace(old, new))


KINDS = sorted(name for name in vars(Edits) if not name.startswith("_") and name not in {
    "files", "a_file", "folders", "replace", "repro_one"})  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2**32)), min_size=1, max_size=6))
def test_the_verdict_is_that_of_dvc_after_any_edits(
    built_toy: Path, tmp_path: Path, edits: list[tuple[str, int]]
) -> None:
    root = copy_of(built_toy, tmp_path / "project")
    for kind, seed in edits:
        try:
            getattr(Edits(root, seed), kind)()
        except (OSError, IndexError):
            continue  # nothing left to edit in that way
        ours = we_say(root)
        assert ours == dvc_says(root)
        assert ours == we_say(root), "not the same with what was remembered"
