"""`morphseq run` on the simulated plates: the same bytes as `dvc repro`, for a first run and what comes after it."""

from pathlib import Path

import msgspec
import pytest

from tests.conftest import Once
from tests.project import PLATES, Project, link_copy, stages_of
from tests.running import Step, check_steps, differences, named, run_json, state_of, steps_of_dvc

_, SNAPSHOT, AWKWARD = PLATES


@pytest.fixture(scope="session")
def run_first(prepared: Path, once: Once) -> Path:
    """The prepared project after `morphseq run`."""

    def build(folder: Path) -> None:
        ends = run_json(link_copy(prepared, folder), "-j", "2", "df03")
        assert set(ends.values()) == {"ran"}

    return once("run_first", build)


def test_a_first_run_leaves_what_dvc_repro_leaves(run_first: Path, built: Path) -> None:
    """Two runs in two folders, of two programs: the same bytes of every output, manifest and record."""
    assert differences(state_of(run_first), state_of(built)) == []
    assert "up to date" in Project(run_first).status()


def one_frame_and_another_model(project: Project) -> None:
    project.change_pixel(SNAPSHOT, "A01_t0000_stitch.png", 200, 256)
    project.setting("model_name", "demo_b")


def one_setting(project: Project) -> None:
    project.setting("k_upper", 1.3)


def without_an_experiment(project: Project) -> None:
    project.edit("params.yaml", f'  "{AWKWARD}":\n    segmenter: threshold\n', "")


def the_model_before(project: Project) -> None:
    project.setting("model_name", "demo_a")


CHANGES = (one_frame_and_another_model, one_setting, without_an_experiment, the_model_before)


@pytest.fixture(scope="session")
def by_dvc(built: Path, once: Once) -> list[Step]:
    """What `dvc repro` does after each of the changes."""

    def build(folder: Path) -> None:
        folder.mkdir()
        steps = steps_of_dvc(link_copy(built, folder / "project"), CHANGES)
        assert steps[0].ran >= {*stages_of(SNAPSHOT, "images", "snips"), *(f"latents@{name}" for name in PLATES)}
        assert steps[1].ran == {"df02", "df03"}
        (folder / "steps.json").write_bytes(msgspec.json.encode(steps))

    return msgspec.json.decode((once("plates_by_dvc", build) / "steps.json").read_bytes(), type=list[Step])


@pytest.mark.parametrize("engine", ["-j4", "dask"])
def test_after_every_change_it_is_again_what_dvc_repro_leaves(
    run_first: Path, by_dvc: list[Step], tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    how = [engine] if engine != "dask" else ["--insecure", "--scheduler", request.getfixturevalue("scheduler")]
    check_steps(link_copy(run_first, tmp_path / "project"), CHANGES, by_dvc, how)


def test_another_model_for_one_run_is_set_in_the_settings(run_first: Path, tmp_path: Path) -> None:
    project = link_copy(run_first, tmp_path / "project")
    parts = {f"df03_part@{name}" for name in PLATES}
    ends = run_json(project, "--model-name", "demo_b")
    assert named(ends, "ran") == {*(f"latents@{name}" for name in PLATES), *parts, "df03"}
    assert "model_name: demo_b" in (project.root / "params.yaml").read_text()
    ends = run_json(project, "--model-name", "demo_a")
    assert named(ends, "ran") == parts, "all else comes from the run cache"
