"""Models that are missing or would run code: the message names them; nothing is loaded."""

import pickle
import shutil

import pytest

from tests.project import PLATES, Project
from tests.stages.contents import state_of

SNAPSHOT = PLATES[1]


def test_a_missing_model_is_named(project: Project) -> None:
    before = state_of(project)
    project.setting("model_name", "gone")
    assert "data/models/legacy/gone" in project.repro(fails=True).output
    output = project.run("python", "-m", "stages.latents", SNAPSHOT, "--model", "gone", fails=True)
    assert "data/models/legacy/gone: no such model folder" in output
    assert state_of(project) == before


class _Module:
    """Stands for a pickled network."""


@pytest.mark.parametrize("name", ["model.pt", "encoder.pkl"])
def test_a_pickled_module_is_never_loaded(project: Project, name: str) -> None:
    shutil.copytree(project.root / "data/models/legacy/demo_a", project.root / "data/models/legacy/pickled")
    folder = project.root / "data/models/legacy/pickled"
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(_Module()))
    output = project.run("python", "-m", "stages.latents", SNAPSHOT, "--model", "pickled", fails=True)
    assert f"data/models/legacy/pickled/{name}: " in output
    assert "state_dict" in output
