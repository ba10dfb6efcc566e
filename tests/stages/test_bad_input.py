"""Bad frames, plate tables and manifests: the message names the file and what to do; nothing is lost."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.project import PLATES, Project, replace_file
from tests.stages.contents import state_of

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES


FRAME = "A01_t0000_stitch.png"


def _no_frames(project: Project) -> None:
    for frame in project.frames(SNAPSHOT).iterdir():
        frame.unlink()


def _truncate(project: Project) -> None:
    path = project.frames(SNAPSHOT) / FRAME
    replace_file(path, path.read_bytes()[:5000])


def _empty(project: Project) -> None:
    replace_file(project.frames(SNAPSHOT) / FRAME, b"")


def _two_files(project: Project) -> None:
    shutil.copy2(project.frames(SNAPSHOT) / FRAME, project.frames(SNAPSHOT) / "A01_t0000_again.png")


def _no_folder(project: Project) -> None:
    shutil.rmtree(project.frames(SNAPSHOT))


def _edit_plate(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        path = project.plate(SNAPSHOT)
        table = change(pd.read_csv(path, dtype=str, keep_default_na=False))
        replace_file(path, table.to_csv(index=False).encode())

    return edit


BAD_INPUTS: dict[str, tuple[Callable[[Project], None], list[str]]] = {
    "no folder": (_no_folder, [f"stitched_FF_images/{SNAPSHOT}"]),
    "no frames": (_no_frames, [f"stitched_FF_images/{SNAPSHOT}: holds no frames"]),
    "truncated": (_truncate, [f"{FRAME} is not a whole PNG image (5000 bytes)", "Export these frames again"]),
    "empty": (_empty, [f"{FRAME} is empty", "Export these frames again"]),
    "two files": (_two_files, ["A01_t0000_again.png and A01_t0000_stitch.png", "Remove one of them"]),
    "no column": (
        _edit_plate(lambda table: table.drop(columns=["temperature"])),
        [f"{SNAPSHOT}_metadata.csv: lacks the column(s) 'temperature'", "Add them"],
    ),
    "row twice": (
        _edit_plate(lambda table: pd.concat([table, table.iloc[[3]]])),
        [f"{SNAPSHOT}_metadata.csv, row 26: well A04, time_int 0 is duplicated", "Remove one"],
    ),
    "no number": (
        _edit_plate(lambda table: table.assign(time_int=["first", *table["time_int"][1:]])),
        [f"{SNAPSHOT}_metadata.csv, row 2: time_int is 'first', not a number"],
    ),
    "no well": (
        _edit_plate(lambda table: table.assign(well=["A1", *table["well"][1:]])),
        [f"{SNAPSHOT}_metadata.csv, row 2: well 'A1' is not a well (A01 to H12)"],
    ),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_frames_and_plate_tables_stop_images(project: Project, case: str) -> None:
    spoil, said = BAD_INPUTS[case]
    spoil(project)
    before, lock = state_of(project), (project.root / "dvc.lock").read_bytes()
    output = project.repro(fails=True).output
    for text in said:
        assert text in output
    assert state_of(project) == before
    assert (project.root / "dvc.lock").read_bytes() == lock


def test_a_frame_damaged_inside_is_named_by_the_stage_that_decodes_it(project: Project) -> None:
    # Of each well, `images` itself decodes the first.
    later = FRAME.replace("t0000", "t0001")
    path = project.frames(TIME_LAPSE) / later
    data = bytearray(path.read_bytes())
    data[3000:3400] = bytes(400)
    replace_file(path, bytes(data))
    before = {name: state for name, state in state_of(project).items() if name.endswith(".tif")}
    output = project.repro(fails=True).output
    assert f"{later}: not a whole image" in output
    assert {name: state for name, state in state_of(project).items() if name.endswith(".tif")} == before


def test_a_frame_changed_since_it_was_listed_is_refused(project: Project) -> None:
    shutil.copy2(project.frames(SNAPSHOT) / "A02_t0000_stitch.png", project.root / "other.png")
    replace_file(project.frames(SNAPSHOT) / FRAME, (project.root / "other.png").read_bytes())
    # Another segmenter, so that the frame is read: what was made of the listed content stands.
    output = project.run("python", "-m", "stages.sam2", SNAPSHOT, "--segmenter", "build02", fails=True)
    assert f"{FRAME}: content has changed since it was listed: expected xxh3_128" in output


def test_latents_below_the_coverage_asked_for_stop_df03(project: Project) -> None:
    table, df03 = project.plate(AWKWARD), project.table("df03").read_bytes()
    text = pd.read_csv(table, dtype=str, keep_default_na=False)
    text.loc[text["well"] == "A01", "Width (um)"] = ""
    replace_file(table, text.to_csv(index=False).encode())
    output = project.repro(fails=True).output
    assert f"min_latent_coverage (0.95) in {AWKWARD} (" in output
    assert TIME_LAPSE not in output.partition("min_latent_coverage")[2]
    project.run("git", "checkout", "--quiet", "dvc.lock", "manifests")
    project.run("dvc", "checkout", project.table("df03"))
    assert project.table("df03").read_bytes() == df03


def test_an_edited_manifest_is_refused(project: Project) -> None:
    path = Path(f"manifests/images/{SNAPSHOT}.json")
    text = (project.root / path).read_text()
    for damaged in (text.replace('"time_int":0', '"time_int":7', 1), text[:-30], text + " "):
        (project.root / path).write_text(damaged)
        output = project.run("python", "-m", "stages.snips", SNAPSHOT, fails=True)
        assert str(path) in output
        assert "dvc repro images" in output


def test_whole_numbers_are_taken_as_pandas_writes_them_beside_a_blank(project: Project) -> None:
    path = project.root / f"data/sam2_pipeline_files/sam2_expr_files/sam2_metadata_{SNAPSHOT}.csv"
    built = project.root / f"data/metadata/build03_output/expr_embryo_metadata_{SNAPSHOT}.csv"
    before = built.read_bytes()
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["area_px"] += ".0"
    replace_file(path, table.to_csv(index=False).encode())
    project.run("python", "-m", "stages.build03", SNAPSHOT)
    assert built.read_bytes() == before
    table.loc[0, "area_px"] = "large"
    replace_file(path, table.to_csv(index=False).encode())
    output = project.run("python", "-m", "stages.build03", SNAPSHOT, fails=True)
    assert f"sam2_metadata_{SNAPSHOT}.csv, row 2: area_px is 'large', not a number" in output
