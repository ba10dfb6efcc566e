"""A small project, what was just written being settled, and the files that are read."""

from pathlib import Path

import pytest

from morphseq_manifest.base import reading
from morphseq_manifest.tracker.disk import folder_look, workspace
from tests.tracker.disk.looking import DATA


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a folder of 40 frames, two of them in a folder of their own, and a table."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / DATA / "inner").mkdir(parents=True)
    for number in range(38):
        (tmp_path / DATA / f"A01_t{number:04d}.png").write_text(f"frame {number}")
    for number in range(2):
        (tmp_path / DATA / f"inner/A02_t{number:04d}.png").write_text(f"inner frame {number}")
    (tmp_path / "data/table.csv").write_text("a,b\n")
    return tmp_path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just written is as good as what was written long ago."""
    monkeypatch.setattr(workspace, "SETTLED_NS", -(10**18))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, as they are."""
    names: list[str] = []

    def read(path: str, *stop: reading.Flag) -> reading.Known:
        names.append(Path(path).name)
        return reading.read(path, *stop)

    monkeypatch.setattr(workspace, "read", read)
    monkeypatch.setattr(folder_look, "read", read)
    return names
