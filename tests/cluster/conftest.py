"""A queueing system, and projects that run in it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.fake_queue import Queue
from tests.project import Project

Make = Callable[..., Project]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """A queueing system on the path."""
    found = Queue(tmp_path / "queue")
    with found.there():
        yield found


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a project of a dvc.yaml, with a cluster file."""

    def project(stages: str, cluster: str = "", kind: str = "slurm") -> Project:
        root = tmp_path / "project"
        root.mkdir()
        made = Project(root)
        made.run("git", "init", "-q")
        made.run("dvc", "init", "-q")
        (root / "params.yaml").write_text("experiments: {}\n")
        (root / "dvc.yaml").write_text(stages)
        (root / "cluster.yaml").write_text(f"kind: {kind}\npatience: 5\n{cluster}")
        return made

    return project
