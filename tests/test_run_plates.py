"""`morphseq run` on the simulated plates: the same bytes as `dvc repro`, for a first run and what comes after it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import PLATES, Project, link_copy, stages_of
from tests.running import differences, named, run_json, state_of
from tests.test_pipeline import change_pixel

_, SNAPSHOT, _ = PLATES


@pytest.fixture(scope="session")
def run_first(shared: Path, prepared: Path, once: Callable[[Path, Callable[[Path], None]], Path]) -> Path:
    """The prepared project after `morphseq run`."""

    def build(folder: Path) -> None:
        ends = run_json(link_copy(prepared, folder), "-j", "2", "df03")
        assert set(ends.values()) == {"ran"}

    return once(shared / "run_first", build)


def test_a_first_run_leaves_what_dvc_repro_leaves(run_first: Path, built: Path) -> None:
    assert differences(state_of(run_first), state_of(built)) == []
    assert "up to date" in Project(run_first).status()


def test_after_a_changed_frame_and_another_model_it_is_again_what_dvc_repro_leaves(
    run_first: Path, built: Path, tmp_path: Path
) -> None:
    ours, theirs = link_copy(run_first, tmp_path / "ours"), link_copy(built, tmp_path / "theirs")
    for project in (ours, theirs):
        change_pixel(project, SNAPSHOT, "A01_t0000_stitch.png", 200, 256)
        project.edit("params.yaml", "model_name: demo_a", "model_name: demo_b")
    ran = named(run_json(ours), "ran")
    assert ran == theirs.repro().stages
    assert ran >= stages_of(SNAPSHOT, "images", "snips") | {f"latents@{name}" for name in PLATES} | {"df01", "df03"}
    assert differences(state_of(ours.root), state_of(theirs.root)) == []
    assert "up to date" in ours.status()

    ends = run_json(ours, "--model-name", "demo_a")
    assert named(ends, "ran") == {f"latents@{SNAPSHOT}", "df03"}, "the other latents come from the run cache"
