"""The image stages make again only the wells and embryos that changed, on simulated plates."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.files import stacks
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES


MASKS = "data/segmentation/{}_predictions/" + TIME_LAPSE


NETWORKS = ("mask_v0_0100", "via_v1_0100", "yolk_v1_0050", "focus_v0_0100", "bubble_v0_0100")


FOLDERS = [
    *(MASKS.format(name) for name in NETWORKS),
    f"data/sam2_pipeline_files/exported_masks/{TIME_LAPSE}",
    f"data/training_data/bf_embryo_snips/{TIME_LAPSE}",
]


@pytest.fixture
def stage(project: Project) -> Project:
    """A project in which everything has run, with one frame of the time-lapse changed and listed again."""
    project.change_pixel(TIME_LAPSE, "A05_t0003_stitch.png", 200, 256)
    project.run("python", "-m", "stages.images", TIME_LAPSE)
    return project


def state(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def inodes(project: Project) -> dict[str, int]:
    paths = [path for folder in FOLDERS for path in (project.root / folder).glob("*.tif")]
    return {f"{path.parent.parent.name}/{path.name}": path.stat().st_ino for path in paths}


def run_image_stages(project: Project) -> None:
    project.run("python", "-m", "stages.qc_masks", TIME_LAPSE)
    project.run("python", "-m", "stages.sam2", TIME_LAPSE, "--segmenter", "threshold")
    project.run("python", "-m", "stages.snips", TIME_LAPSE)


def test_one_changed_frame_makes_one_well_again_and_the_bytes_are_a_fresh_runs(stage: Project) -> None:
    before = inodes(stage)
    run_image_stages(stage)
    again = {name for name, inode in inodes(stage).items() if before[name] != inode}
    assert {name.rpartition("/")[2] for name in again} == {"A05.tif", f"{TIME_LAPSE}_A05_e01.tif"}
    assert len(again) == len(FOLDERS)
    stage.run("python", "-m", "stages.latents", TIME_LAPSE, "--model", "demo_a")
    table = stage.root / f"data/sam2_pipeline_files/sam2_expr_files/sam2_metadata_{TIME_LAPSE}.csv"
    latents = stage.root / f"data/analysis/latent_embeddings/legacy/demo_a/morph_latents_{TIME_LAPSE}.csv"
    before_all = [state(stage.root / folder) for folder in FOLDERS] + [table.read_bytes(), latents.read_bytes()]

    for folder in FOLDERS:
        shutil.rmtree(stage.root / folder)
    shutil.rmtree(stage.root / ".dvc/tmp/morphseq")
    run_image_stages(stage)
    stage.run("python", "-m", "stages.latents", TIME_LAPSE, "--model", "demo_a")
    fresh = [state(stage.root / folder) for folder in FOLDERS] + [table.read_bytes(), latents.read_bytes()]
    assert before_all == fresh


def test_a_stage_that_fails_at_a_well_goes_on_there(stage: Project) -> None:
    path = stage.frames(TIME_LAPSE) / "A09_t0000_stitch.png"
    whole = path.read_bytes()
    stage.setting("blend_um", 60)
    replace_file(path, whole[:-100])
    before = inodes(stage)
    assert "A09_t0000_stitch.png" in stage.run("python", "-m", "stages.snips", TIME_LAPSE, fails=True)
    assert inodes(stage) == before
    partial = stage.root / FOLDERS[-1]
    partial = partial.parent / f".morphseq-{partial.name}.partial"
    waiting = {path.name: path.stat().st_ino for path in partial.glob("*.tif")}
    assert len(waiting) >= 6
    assert f"{TIME_LAPSE}_A09_e01.tif" not in waiting
    assert "up to date" not in stage.status()
    replace_file(path, whole)
    stage.run("python", "-m", "stages.snips", TIME_LAPSE)
    done = {path.name: path.stat().st_ino for path in (stage.root / FOLDERS[-1]).glob("*.tif")}
    assert waiting.items() <= done.items()
    assert not list(partial.parent.glob(".morphseq-*"))


def test_another_mask_model_makes_its_own_masks_only(project: Project) -> None:
    folder = project.root / "data/segmentation/segmentation_models/focus_v0_0100"
    replace_file(folder / "model.safetensors", (folder.parent / "yolk_v1_0050/model.safetensors").read_bytes())
    before = inodes(project)
    project.run("python", "-m", "stages.qc_masks", TIME_LAPSE)
    again = {name.split("/")[0] for name, inode in inodes(project).items() if before[name] != inode}
    assert again == {"focus_v0_0100_predictions"}


def test_other_flag_settings_segment_nothing_again(project: Project) -> None:
    project.setting("large_um2", 1000)
    before = inodes(project)
    project.run("python", "-m", "stages.sam2", TIME_LAPSE, "--segmenter", "threshold")
    assert inodes(project) == before
    table = project.root / f"data/sam2_pipeline_files/sam2_expr_files/sam2_metadata_{TIME_LAPSE}.csv"
    assert table.read_text().count("LARGE_MASK") == 96


def test_another_scale_segments_the_plate_again(project: Project) -> None:
    before = inodes(project)
    table = project.plate(TIME_LAPSE)
    replace_file(table, table.read_bytes().replace(b",3200.0,4096.0,", b",3600.0,4608.0,"))
    project.run("python", "-m", "stages.images", TIME_LAPSE)
    output = project.run("python", "-m", "stages.sam2", TIME_LAPSE, "--segmenter", "threshold")
    assert "warning" not in output
    again = [name for name, inode in inodes(project).items() if before[name] != inode]
    assert len(again) == 12
    assert all(name.startswith("exported_masks/") for name in again)


def test_a_plate_without_a_scale_is_segmented_and_said_to_be_so(project: Project) -> None:
    table = project.plate(TIME_LAPSE)
    replace_file(table, table.read_bytes().replace(b",4096.0,", b",,"))
    project.run("python", "-m", "stages.images", TIME_LAPSE)
    output = project.run("python", "-m", "stages.sam2", TIME_LAPSE, "--segmenter", "threshold")
    assert f"warning: {TIME_LAPSE}: the plate table gives no scale" in output
    assert f"{TIME_LAPSE}: 96 embryos in 96 frames" in output


def test_latents_are_kept_by_embryo_and_another_model_has_its_own(project: Project) -> None:
    journal = project.root / f".dvc/tmp/morphseq/latents.demo_a.{TIME_LAPSE}.journal"
    first = journal.read_bytes()
    assert first.count(b"\n") == 12
    project.setting("large_um2", 1999999)
    project.run("python", "-m", "stages.latents", TIME_LAPSE, "--model", "demo_a")
    assert journal.read_bytes() == first
    folder = project.root / FOLDERS[-1]
    image = np.random.default_rng(0).integers(0, 255, (576, 256), np.uint8)
    replace_file(folder / f"{TIME_LAPSE}_A03_e01.tif", b"")
    stacks.write_stack(folder / f"{TIME_LAPSE}_A03_e01.tif", [stacks.Page(stacks.PageTag(0, "0" * 32), image)])
    project.run("python", "-m", "stages.latents", TIME_LAPSE, "--model", "demo_a")
    lines = set(journal.read_bytes().splitlines())
    assert len(lines) == 12
    assert len(lines & set(first.splitlines())) == 11
    assert Image.fromarray(image).size == (256, 576)
