"""`morphseq verify` names each file that is not as recorded."""

import os
from typing import Any

import msgspec

from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, _ = PLATES


def findings(project: Project, *options: str, code: int) -> set[tuple[str, str]]:
    found: Any = msgspec.json.decode(project.morphseq("verify", "--json", *options, code=code))
    return {(item["path"], item["what"]) for item in found["findings"]}


def flip_byte(project: Project, path: str) -> None:
    """Change one byte, with size and time as they were."""
    file = project.root / path
    stat, data = file.stat(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    replace_file(file, bytes(data))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_everything_is_as_recorded_after_a_run(project: Project) -> None:
    assert findings(project, code=0) == set()


def test_damage_is_named_file_by_file(project: Project) -> None:
    frame = f"data/built_image_data/stitched_FF_images/{TIME_LAPSE}/A02_t0003_stitch.png"
    stack = f"data/segmentation/via_v1_0100_predictions/{SNAPSHOT}/A05.tif"
    gone = f"data/sam2_pipeline_files/exported_masks/{SNAPSHOT}/A07.tif"
    table = f"data/metadata/build03_output/expr_embryo_metadata_{TIME_LAPSE}.csv"
    model = "data/models/legacy/demo_a"
    extra = f"data/training_data/bf_embryo_snips/{SNAPSHOT}/stray.tif"
    for path in (frame, stack, table, f"{model}/model.safetensors"):
        flip_byte(project, path)
    (project.root / gone).unlink()
    (project.root / extra).write_text("stray")
    assert findings(project, code=3) == {
        (frame, "damaged"),
        (stack, "damaged"),
        (table, "damaged"),
        (model, "damaged"),
        (gone, "missing"),
        (extra, "unrecorded"),
    }
    only = findings(project, "--experiment", SNAPSHOT, code=3)
    assert (stack, "damaged") in only
    assert (frame, "damaged") not in only
    assert f"Did you mean '{SNAPSHOT}'" in project.morphseq("verify", "--experiment", "20250102_snapshoot", code=2)


def test_a_project_in_which_nothing_has_run_says_so(fresh: Project) -> None:
    code, output = fresh.ending("morphseq", "verify")
    assert code != 0
    assert "dvc repro" in output
