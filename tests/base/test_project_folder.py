"""The project's folder is found from any folder in it, as DVC finds it."""

import os
from pathlib import Path

import pytest
from dvc.repo import Repo

from morphseq_manifest.base import project_folder


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A project with a folder in a folder."""
    (tmp_path / "project/.dvc").mkdir(parents=True)
    (tmp_path / "project/data/metadata").mkdir(parents=True)
    return tmp_path / "project"


@pytest.mark.parametrize("inside", [".", "data", "data/metadata", ".dvc"])
def test_from_any_folder_in_it(top: Path, inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top / inside)
    found = project_folder.find(".")
    assert Path(found).resolve() == top == Path(Repo.find_root())
    assert found == os.path.relpath(top), "as messages name it"


@pytest.mark.parametrize("start", ["{top}", "{top}/data/metadata", "data", "."])
def test_from_the_folder_that_is_named(top: Path, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top)
    assert Path(project_folder.find(start.format(top=top))).resolve() == top


def test_the_nearest(top: Path) -> None:
    (top / "data/.dvc").mkdir()
    assert Path(project_folder.find(str(top / "data/metadata"))).resolve() == top / "data"


def test_a_file_of_that_name_marks_no_project(top: Path) -> None:
    (top / "data/.dvc").write_text("")
    assert Path(project_folder.find(str(top / "data"))).resolve() == top


@pytest.mark.parametrize("start", ["/", ".", "not/there", "file"])
def test_itself_where_there_is_none(tmp_path: Path, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    assert project_folder.find(start) == start


def test_not_beyond_a_mount_point(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = str(top / "data")
    monkeypatch.setattr(os.path, "ismount", lambda folder: os.path.realpath(folder) == mount)
    assert project_folder.find(str(top / "data/metadata")) == str(top / "data/metadata")
