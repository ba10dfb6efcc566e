"""Models that are missing or would run code: the message names them; nothing is loaded."""

import pickle
import shutil

import pandas as pd
import pytest

from stages.files import layout
from tests.project import PLATES, Project, replace_file
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


def test_weights_of_a_training_that_came_to_nothing_are_refused(project: Project) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = project.root / "data/models/legacy/nothing"
    shutil.copytree(project.root / "data/models/legacy/demo_a", folder)
    state = load_file(folder / "model.safetensors")
    name = next(name for name, tensor in state.items() if tensor.is_floating_point())
    state[name] = torch.full_like(state[name], float("nan"))
    (folder / "model.safetensors").unlink()
    save_file(state, folder / "model.safetensors")
    output = project.run("python", "-m", "stages.latents", SNAPSHOT, "--model", "nothing", fails=True)
    assert (
        f"data/models/legacy/nothing: the weights don't fit its config.json: {name} holds what is no number" in output
    )


def test_networks_on_a_plate_that_they_do_not_know_leave_their_flags_blank(project: Project) -> None:
    table = project.plate(SNAPSHOT)
    replace_file(table, table.read_bytes().replace(b",simulated,", b",YX1,"))
    output = project.run("dvc", "repro", f"build03@{SNAPSHOT}")
    assert "warning: no masks by mask_v0_0100, via_v1_0100, yolk_v1_0050" in output
    assert "were not trained on plates of YX1" in output
    found = pd.read_csv(project.root / layout.build03_table(SNAPSHOT))
    assert found[["fraction_alive", "dead_flag", "no_yolk_flag", "bubble_flag"]].isna().all(axis=None)
    assert found["frame_flag"].notna().all()
