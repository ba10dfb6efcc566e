"""Down to the well: what of a stage is done, what its next run keeps, what it makes; and the run does just that."""

import json
from typing import Any

import pytest

from stages.reuse.kept_stacks import Shelf, well_of
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
STACKED = ("qc_masks", "sam2", "snips")
LABELS = "data/sam2_pipeline_files/exported_masks"


def wells(project: Project, code: int = 1) -> dict[str, Any]:
    """By stage of the snapshot plate, what `status` says of its wells."""
    found = json.loads(project.morphseq("status", "--experiments", SNAPSHOT, "--json", code=code))
    return {name.partition("@")[0]: told for name, told in found["wells"].items()}


def listed(project: Project) -> list[str]:
    return sorted({path.name[:3] for path in project.frames(SNAPSHOT).iterdir()})


def test_all_wells_of_what_is_up_to_date_are_done(project: Project) -> None:
    count = len(listed(project))
    assert wells(project, code=0) == {name: {"done": count, "kept": 0, "to_do": []} for name in STACKED}
    lines = project.morphseq("status", "--experiments", SNAPSHOT).splitlines()
    row = next(line.split() for line in lines if line.startswith(f"sam2@{SNAPSHOT}"))
    assert row[1:5] == [str(count), str(count), "0", "0"]


def test_a_changed_frame_is_one_well_and_that_is_what_runs(project: Project) -> None:
    project.change_pixel(SNAPSHOT, "A02_t0000_stitch.png", 200, 256)
    project.repro(f"images@{SNAPSHOT}")
    count = len(listed(project))
    expected = {"done": 0, "kept": count - 1, "to_do": ["A02"]}
    assert wells(project) == dict.fromkeys(STACKED, expected)
    assert f"sam2@{SNAPSHOT}: {count - 1} of {count} wells kept, to do: A02\n" in project.morphseq(
        "why", f"sam2@{SNAPSHOT}", code=1
    )
    before = {path.name: path.stat().st_ino for path in (project.root / LABELS / SNAPSHOT).glob("*.tif")}
    project.repro(f"sam2@{SNAPSHOT}")
    after = {path.name: path.stat().st_ino for path in (project.root / LABELS / SNAPSHOT).glob("*.tif")}
    assert [name for name in before if before[name] != after[name]] == ["A02.tif"]


def test_a_stack_that_is_gone_or_cut_is_to_be_made(project: Project) -> None:
    folder = project.root / LABELS / SNAPSHOT
    (folder / "A01.tif").unlink()
    replace_file(folder / "A03.tif", (folder / "A03.tif").read_bytes()[:-1])
    assert wells(project)["sam2"]["to_do"] == ["A01", "A03"]


@pytest.mark.parametrize("made", [(), ("A01", "A02")])
def test_another_setting_makes_all_but_what_an_interrupted_run_has_made(
    project: Project, made: tuple[str, ...]
) -> None:
    project.setting("area_change", 0.25)
    if made:
        shelf = Shelf(project.root / LABELS / SNAPSHOT, well_of)
        for well in made:
            with shelf.making(well, "a key") as draft:
                draft(f"{well}.tif").write_bytes(b"a stack")
        shelf.close()
    told = wells(project)["sam2"]
    assert (told["done"], told["kept"]) == (0, len(made))
    assert told["to_do"] == [well for well in listed(project) if well not in made]


def test_what_waits_for_another_stage_is_not_guessed(project: Project) -> None:
    project.setting("area_change", 0.25)
    assert "snips" not in wells(project)
