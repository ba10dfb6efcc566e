"""`morphseq run` leaves behind what `dvc repro` does, to the byte: a toy pipeline through all that happens to one."""

import shutil
from pathlib import Path

import msgspec
import pytest

from tests import toy
from tests.conftest import Once
from tests.project import Project
from tests.running import MIXED, Change, Step, check_steps, differences, named, run_json, state_of, steps_of_dvc

_ODD = '  "odd_v1.2":\n    segmenter: other\n'


def nothing(project: Project) -> None:
    pass


def one_frame(project: Project) -> None:
    (project.root / "data/frames/20240418/A01_t0001.png").write_text("another frame")


def one_setting(project: Project) -> None:
    project.edit("params.yaml", "large: 0.15", "large: 0.2")


def without_an_experiment(project: Project) -> None:
    project.edit("params.yaml", _ODD, "")


def another_model(project: Project) -> None:
    project.edit("params.yaml", "model_name: a", "model_name: b")


def the_model_before(project: Project) -> None:
    project.edit("params.yaml", "model_name: b", "model_name: a")


def one_more_experiment(project: Project) -> None:
    toy.add_experiment(project.root, "20250601")
    project.edit("params.yaml", "model_name:", '  "20250601":\n    segmenter: other\nmodel_name:')


def the_experiment_again(project: Project) -> None:
    project.edit("params.yaml", "model_name:", f"{_ODD}model_name:")


def without_outputs(project: Project) -> None:
    (project.root / "data/df01.csv").unlink()
    (project.root / "data/list.sh").unlink()
    shutil.rmtree(project.root / "data/df03")
    shutil.rmtree(project.root / "data/labels/20250305_1")


def outputs_of_another_kind(project: Project) -> None:
    (project.root / "data/df01.csv").unlink()
    (project.root / "data/df01.csv").mkdir()
    shutil.rmtree(project.root / "data/df03")
    (project.root / "data/df03").write_text("a file")
    table = project.root / "data/tables/20240418.csv"
    table.rename(project.root / "elsewhere.csv")
    table.symlink_to(project.root / "elsewhere.csv")
    (project.root / "data/tables/20250305_1.csv").write_text("edited")


def a_lock_without_some(project: Project) -> None:
    path = project.root / "dvc.lock"
    head, *blocks = path.read_text().split("\n  ")
    kept, leaving = [head], False
    for block in blocks:
        if not block.startswith((" ", "-")):
            leaving = block.startswith(("sam2@20250305_1:", "latents@20240418:", "df01:"))
        if not leaving:
            kept.append(block)
    path.write_text("\n  ".join(kept).rstrip("\n") + "\n")


def no_lock(project: Project) -> None:
    (project.root / "dvc.lock").unlink()


def content_lost_from_the_cache(project: Project) -> None:
    for path in sorted((project.root / ".dvc/cache/files/md5").rglob("*"))[::3]:
        if path.is_file():
            path.unlink()


def another_command(project: Project) -> None:
    project.edit("dvc.yaml", "stage all data/df01.csv", "stage whole data/df01.csv")


def an_executable_input(project: Project) -> None:
    (project.root / "data/plates/20240418.csv").chmod(0o755)
    (project.root / "data/plates/20240418.csv").write_text("well\nexecutable\n")


def frozen_latents_and_an_aggregate_that_always_runs(project: Project) -> None:
    project.edit(
        "dvc.yaml", "      outs:\n        - data/latents", "      frozen: true\n      outs:\n        - data/latents"
    )
    project.edit("dvc.yaml", "  df01:\n", "  df01:\n    always_changed: true\n")


def latents_by_hand(project: Project) -> None:
    (project.root / "data/latents/a/20240418.csv").write_text("made elsewhere")


CHANGES: tuple[Change, ...] = (
    nothing, nothing, one_frame, one_setting, without_an_experiment, another_model, the_model_before,
    one_more_experiment, the_experiment_again, without_outputs, outputs_of_another_kind, a_lock_without_some,
    content_lost_from_the_cache, an_executable_input, no_lock,
)  # fmt: skip
WITH_FROZEN = (nothing, frozen_latents_and_an_aggregate_that_always_runs, one_frame, latents_by_hand)


@pytest.fixture(scope="session")
def by_dvc(once: Once) -> dict[str, list[Step]]:
    """What `dvc repro` does after each of the changes, and of those with frozen stages."""

    def build(folder: Path) -> None:
        folder.mkdir()
        for name, changes in (("all", CHANGES), ("frozen", WITH_FROZEN)):
            steps = steps_of_dvc(toy.write(folder / name / "project", MIXED), changes)
            (folder / f"{name}.json").write_bytes(msgspec.json.encode(steps))

    folder = once("by_dvc", build)
    return {
        name: msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=list[Step]) for name in ("all", "frozen")
    }


@pytest.mark.parametrize("engine", ["-j1", "-j4", "dask"])
def test_after_every_change_lock_caches_and_data_are_those_of_dvc_repro(
    by_dvc: dict[str, list[Step]], tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    how = [engine] if engine != "dask" else ["--insecure", "--scheduler", request.getfixturevalue("scheduler")]
    check_steps(toy.write(tmp_path / "project", MIXED), CHANGES, by_dvc["all"], how)


def test_frozen_stages_are_recorded_as_they_are_and_others_always_run_as_by_dvc_repro(
    by_dvc: dict[str, list[Step]], tmp_path: Path
) -> None:
    project = toy.write(tmp_path / "project", MIXED)
    for change, step in zip(WITH_FROZEN, by_dvc["frozen"], strict=True):
        change(project)
        ends = run_json(project)
        assert differences(state_of(project.root), step.state) == [], change.__name__
        assert named(ends, "ran") == step.ran, change.__name__
    (project.root / "data/latents/a/20240418.csv").unlink()
    ends = run_json(project, code=1)
    assert ends["latents@20240418"] == "failed", "it is not made, since it is frozen"
    assert ends["df03"] == "blocked"
