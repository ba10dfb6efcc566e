"""docs/first-hour.md: every command of the page, typed one after another in a new clone, for a plate of one's own."""

import shutil
from pathlib import Path

import pytest

from simulation.plate import Plate, well_names
from simulation.wells import Well
from simulation.writing import write_plate
from tests.docs.pages import commands
from tests.project import Project, clone

pytestmark = pytest.mark.slow
PLATE = "20260101_mine"
# In a shell of one's own: the tests have an environment.
_OF_A_SHELL = {"make", "source"}


@pytest.fixture
def storage(prepared: Path, tmp_path: Path) -> Path:
    """Where a microscope has put a small plate's frames and table, and somebody the reference curves."""
    plate = Plate(PLATE, {well: Well() for well in well_names(2)}, frames=2, start_age_hpf=26.0)
    write_plate(plate, tmp_path / "drawn")
    folder = tmp_path / "storage"
    shutil.copytree(tmp_path / f"drawn/built_image_data/stitched_FF_images/{PLATE}", folder / PLATE)
    shutil.copy(tmp_path / f"drawn/metadata/built_metadata_files/{PLATE}_metadata.csv", folder)
    shutil.copy(prepared / "data/metadata/reference/sa_reference_curves.csv", folder)
    return folder


def test_the_first_hour(prepared: Path, storage: Path, tmp_path: Path) -> None:
    project = clone(tmp_path / "project")
    for models in ("segmentation/segmentation_models", "models/legacy"):
        shutil.copytree(prepared / "data" / models, project.root / "data" / models)
    typed = [words for words in commands("first-hour.md") if words[0] not in _OF_A_SHELL]
    assert len(typed) > 14
    for words in typed:
        command = [word.replace("PLATE", PLATE).replace("/storage", str(storage)) for word in words]
        code, said = project.ending(*command)
        assert code == ("--dry-run" in words), (command, said)
    _check(project)


def _check(project: Project) -> None:
    assert {name: part.rows for name, part in project.manifest("df01").experiments.items()} == {PLATE: 4}
    page = (project.root / f"{PLATE}.html").read_text(encoding="utf-8")
    assert "data:image/webp" in page
    assert project.run("git", "status", "--porcelain") == ""
    assert PLATE in project.run("git", "log", "-1", "--format=%s")
