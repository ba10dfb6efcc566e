"""Bad experiment ids and settings: the message names them and what to do; nothing is lost."""

import shutil

import pytest

from tests.project import PLATES, Project
from tests.stages.contents import state_of

TIME_LAPSE, SNAPSHOT, _ = PLATES


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('  20240418:\n    segmenter: threshold\n', "20240418"),
        ('  20250305_1:\n    segmenter: threshold\n', "20250305_1"),
    ],
)  # fmt: skip
def test_an_unquoted_id_stops_the_cohort(project: Project, written: str, said: str) -> None:
    before, table = state_of(project), project.table("df01").read_bytes()
    project.edit("params.yaml", "experiments:\n", f"experiments:\n{written}")
    output = project.repro(fails=True).output
    assert f"experiment id {said} is read as int" in output
    assert f'"{said}":' in output
    assert "params.yaml, line 3" in output
    assert state_of(project) == before

    project.run("git", "checkout", "--quiet", "params.yaml", "manifests")
    project.run("dvc", "checkout", project.table("df01"))
    assert project.table("df01").read_bytes() == table
    assert "up to date" in project.status()


def test_a_duplicate_id_is_refused(project: Project) -> None:
    before = state_of(project)
    project.edit("params.yaml", "experiments:\n", f'experiments:\n  "{TIME_LAPSE}":\n    segmenter: build02\n')
    assert TIME_LAPSE in project.repro(fails=True).output
    output = project.run("python", "-m", "stages.images", TIME_LAPSE, fails=True)
    assert f"params.yaml, line 5: '{TIME_LAPSE}' is given twice, first in line 3. Keep one of them: a merge" in output
    assert state_of(project) == before


def test_an_id_without_folder_or_plate_table_is_named(project: Project) -> None:
    before = state_of(project)
    project.edit("params.yaml", "experiments:\n", 'experiments:\n  "20990101":\n    segmenter: threshold\n')
    output = project.repro(fails=True).output
    assert "data/built_image_data/stitched_FF_images/20990101" in output
    shutil.copytree(project.frames(SNAPSHOT), project.frames("20990101"))
    assert "20990101_metadata.csv" in project.repro(fails=True).output
    assert state_of(project) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("um_per_px:", "um_per_px: fine #", "`snips.um_per_px` can't be used"),
        ("blend_um:", "blend:", "`snips.blend` is not a setting"),
        ("model_name:", "model_name: [", "params.yaml, line"),
        (f'"{SNAPSHOT}"', '"bad id"', "experiment id 'bad id' can't be used"),
    ],
)
def test_wrong_settings_are_named(project: Project, old: str, new: str, said: str) -> None:
    project.edit("params.yaml", old, new)
    output = project.run("python", "-m", "stages.snips", TIME_LAPSE, fails=True)
    assert said in output
