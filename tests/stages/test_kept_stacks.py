"""Stages that run again keep what is still theirs, take up what was interrupted, and give a fresh run's bytes."""

import os
import pty
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from morphseq_manifest.base import progress
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.journal import Journal
from morphseq_manifest.cohort.manifests import stack_index
from stages import snips
from stages.files import stacks
from stages.reuse import kept_stacks, keys
from stages.reuse.kept_stacks import Shelf
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
MASKS = "data/segmentation/{}_predictions/" + TIME_LAPSE
NETWORKS = ("mask_v0_0100", "via_v1_0100", "yolk_v1_0050", "focus_v0_0100", "bubble_v0_0100")
FOLDERS = [
    *(MASKS.format(name) for name in NETWORKS),
    f"data/sam2_pipeline_files/exported_masks/{TIME_LAPSE}",
    f"data/training_data/bf_embryo_snips/{TIME_LAPSE}",
]


# The journal


class Line(msgspec.Struct, frozen=True):
    number: int
    data: bytes


lines = st.lists(st.builds(Line, st.integers(0, 9), st.binary(max_size=20)), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(lines, st.data())
def test_a_journal_cut_anywhere_holds_the_records_before_the_cut_and_takes_more(
    tmp_path_factory: pytest.TempPathFactory, records: list[Line], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    with closing(Journal(path, Line)) as journal:
        for record in records:
            journal.add(record)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n") + (whole[cut : cut + 1] == b"\n")
    with closing(Journal(path, Line)) as journal:
        assert journal.records == records[:kept]
        journal.add(Line(7, b"more"))
    with closing(Journal(path, Line)) as journal:
        assert journal.records == [*records[:kept], Line(7, b"more")]


@settings(max_examples=40, deadline=None)
@given(lines, st.data())
def test_a_damaged_record_is_as_if_it_were_not_there(
    tmp_path_factory: pytest.TempPathFactory, records: list[Line], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    with closing(Journal(path, Line)) as journal:
        for record in records:
            journal.add(record)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 2))
    number = whole[:place].count(b"\n")
    whole[place] ^= 1
    path.write_bytes(whole)
    with closing(Journal(path, Line)) as journal:
        left = records[:number] + records[number + 1 :]
        # A changed line break joins two lines, and both are lost.
        assert journal.records in (left, records[:number] + records[number + 2 :])


def test_one_process_at_a_time_is_at_an_output(tmp_path: Path) -> None:
    with (
        kept_stacks.gathering([tmp_path / "out"]),
        pytest.raises(ConfigError, match=r"\.morphseq-out\.journal: another process is at work"),
        kept_stacks.gathering([tmp_path / "out"]),
    ):
        pass


def test_a_journal_shrinks_to_what_is_used(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j", Line)) as journal:
        for number in range(4):
            journal.add(Line(number, b""))
        journal.shrink(journal.records[1:3])
    with closing(Journal(tmp_path / "j", Line)) as journal:
        assert [record.number for record in journal.records] == [1, 2]


# Shelves


def make(shelf: Shelf, well: str, key: str, *names: str) -> None:
    with shelf.making(well, key) as draft:
        for name in names or (f"{well}.tif",):
            page = stacks.Page(stacks.PageTag(0, "0" * 32, key), np.full((4, 5), len(name + key), np.uint8))
            stacks.write_stack(draft(name), [page])


def gather(place: Path, wanted: dict[str, str], stop_after: int = 99) -> tuple[list[str], list[str]]:
    """Run a stage of one stack a well; returns the wells that were kept, and those that were made."""
    kept, made = [], []
    with kept_stacks.gathering([place]) as (shelf,):
        for well, key in wanted.items():
            if shelf.keeps(well, key):
                kept.append(well)
            elif len(made) == stop_after:
                raise KeyboardInterrupt
            else:
                make(shelf, well, key)
                made.append(well)
    return kept, made


def state(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


keyed = st.dictionaries(st.sampled_from(["A01", "A02", "B05", "H12"]), st.sampled_from("abc"), min_size=1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(keyed, st.integers(0, 4)), min_size=1, max_size=4), keyed)
def test_after_any_runs_the_bytes_are_those_of_a_run_from_nothing(
    tmp_path_factory: pytest.TempPathFactory, before: list[tuple[dict[str, str], int]], wanted: dict[str, str]
) -> None:
    root = tmp_path_factory.mktemp("runs")
    for earlier, stop_after in before:
        try:
            gather(root / "out", earlier, stop_after)
        except KeyboardInterrupt:
            continue
    gather(root / "out", wanted)
    gather(root / "fresh", wanted)
    assert state(root / "out") == state(root / "fresh")
    assert sorted(path.name for path in root.iterdir()) == ["fresh", "out"]


def test_only_what_has_another_key_is_made_again(tmp_path: Path) -> None:
    place = tmp_path / "out"
    gather(place, {"A01": "a", "A02": "a", "A03": "a"})
    inodes = {path.name: path.stat().st_ino for path in place.iterdir()}
    assert gather(place, {"A01": "a", "A02": "b", "A03": "a"}) == (["A01", "A03"], ["A02"])
    assert (place / "A01.tif").stat().st_ino == inodes["A01.tif"], "a kept stack is not copied"


def test_an_interrupted_run_goes_on_and_the_earlier_output_stays_until_it_is_done(tmp_path: Path) -> None:
    place = tmp_path / "out"
    gather(place, {"A01": "a", "A02": "a", "A03": "a"})
    before = state(place)
    wanted = {"A01": "b", "A02": "b", "A03": "a"}
    with pytest.raises(KeyboardInterrupt):
        gather(place, wanted, stop_after=1)
    assert state(place) == before
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".morphseq-")] == ["out"]
    assert gather(place, wanted) == (["A01", "A03"], ["A02"])
    assert os.listdir(tmp_path) == ["out"]


def die_at_fsync(place: Path, wanted: dict[str, str], number: int) -> bool:
    """Run a stage in a process that dies, without tidying up, instead of its `number`-th fsync; False if it got by."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = number
    sync = os.fsync

    def fsync(handle: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            os._exit(9)
        sync(handle)

    os.fsync = fsync
    gather(place, wanted)
    os._exit(0)


def test_killed_anywhere_the_next_run_gives_the_same_bytes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before, after = {"A01": "a", "A02": "a", "A03": "a"}, {"A01": "b", "A02": "a", "H12": "b"}
    gather(tmp_path / "fresh", after)
    expected = state(tmp_path / "fresh")
    number, died = 0, True
    while died:
        number += 1
        root = tmp_path / str(number)
        gather(root / "out", before)
        died = die_at_fsync(root / "out", after, number)
        gather(root / "out", after)
        assert state(root / "out") == expected, number
        left = [name for name in os.listdir(root) if name != "out"]
        # A folder that was about to be swapped in or out stays under a random name, as after any killed swap.
        assert all(name.startswith(".morphseq-") and name.endswith(".tmp") for name in left), left
    assert number > 10


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_what_is_damaged_is_made_again(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "out"
    wanted = {"A01": "a", "A02": "a", "A03": "a"}

    def spoil(path: Path) -> None:
        data = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            replace_file(path, data[:-9] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 1]))

    gather(place, wanted)
    whole = state(place)
    spoil(place / "A02.tif")
    assert gather(place, wanted) == (["A01", "A03"], ["A02"])
    assert state(place) == whole
    other = dict.fromkeys(wanted, "b")
    with pytest.raises(KeyboardInterrupt):
        gather(place, other, stop_after=2)
    spoil(tmp_path / ".morphseq-out.partial/A01.tif")
    assert gather(place, other) == (["A02"], ["A01", "A03"])


def test_an_output_without_an_index_or_with_a_false_one_is_made_again(tmp_path: Path) -> None:
    place = tmp_path / "out"
    gather(place, {"A01": "a"})
    (place / stack_index.NAME).write_text("{}")
    assert gather(place, {"A01": "a"}) == ([], ["A01"])
    (place / stack_index.NAME).unlink()
    assert gather(place, {"A01": "a"}) == ([], ["A01"])


def test_files_that_are_no_stacks_of_the_stage_are_not_kept_and_do_no_harm(tmp_path: Path) -> None:
    place = tmp_path / "out"
    gather(place, {"A01": "a"})
    (place / "within").mkdir()
    for name in ("within/A01.tif", "notes.txt", "A02.tif"):
        shutil.copy2(place / "A01.tif", place / name)
    stack_index.write(place)
    assert gather(place, {"A01": "a"}) == (["A01"], [])
    assert sorted(os.listdir(place)) == ["A01.tif", stack_index.NAME]
    assert [snips.well_of(name) for name in ("a_b_A01_e01.tif", "notes.txt", "a.tif")] == ["A01", "", ""]


def test_a_group_counts_when_all_of_it_is_there_also_when_that_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), kept_stacks.gathering([tmp_path / "out"]) as (shelf,):
        make(shelf, "A01", "a", "e1.tif", "e2.tif")
        with shelf.making("A02", "a"):
            pass
        with shelf.making("A03", "a") as draft:
            draft("e3.tif").write_bytes(b"half")
            raise KeyboardInterrupt
    with kept_stacks.gathering([tmp_path / "out"]) as (shelf,):
        assert [shelf.keeps(well, "a") for well in ("A01", "A02", "A03")] == [True, True, False]
    assert sorted(os.listdir(tmp_path / "out")) == [stack_index.NAME, "e1.tif", "e2.tif"]


def test_where_no_hard_link_can_be_made_a_stack_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    gather(tmp_path / "out", {"A01": "a", "A02": "a"})
    monkeypatch.setattr(os, "link", refuse)
    assert gather(tmp_path / "out", {"A01": "a", "A02": "b"}) == (["A01"], ["A02"])


def test_a_linked_output_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "storage")
    gather(tmp_path / "out", {"A01": "a", "A02": "a"})
    with pytest.raises(KeyboardInterrupt):
        gather(tmp_path / "out", {"A01": "b", "A02": "b"}, stop_after=1)
    assert gather(tmp_path / "out", {"A01": "b", "A02": "b"}) == (["A01"], ["A02"])
    assert (tmp_path / "out").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["out", "storage"]


@given(st.integers(0, 5), st.text(), st.dictionaries(st.text(), st.integers()))
def test_keys_tell_apart_all_that_they_are_made_from(version: int, model: str, settings: dict[str, int]) -> None:
    key = keys.key("snips", version, model=model, settings=settings)
    assert key == keys.key("snips", version, settings=dict(reversed(settings.items())), model=model)
    others = [
        keys.key("latents", version, model=model, settings=settings),
        keys.key("snips", version + 1, model=model, settings=settings),
        keys.key("snips", version, model=model + "x", settings=settings),
        keys.key("snips", version, model=model, settings=settings | {"other": 0, "another": 1}),
    ]
    assert len({key, *others}) == 5


# Progress


def test_progress_says_how_far_how_fast_and_how_long_and_leaves_out_what_was_kept() -> None:
    assert progress.describe(0, 0, 340, "frames", 0.0) == "0 of 340 frames"
    assert progress.describe(40, 40, 340, "frames", 3.0) == "40 of 340 frames, 40 kept"
    assert progress.describe(140, 40, 340, "frames", 50.0) == "140 of 340 frames, 40 kept, 2 a second, 0:01:40 left"
    assert progress.describe(10, 0, 37_010, "frames", 10.0) == "10 of 37010 frames, 1 a second, 10:16:40 left"


def test_off_a_terminal_there_is_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.watching("snips", 3) as advance:
        advance(1)
        advance(2, kept=True)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_there_is() -> None:
    code = """
from morphseq_manifest.base.progress import watching
with watching("snips 20240418", 3) as advance:
    advance(2, kept=True)
    advance(1)
print("result")
"""
    primary, secondary = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "150"}
    done = subprocess.run([sys.executable, "-c", code], stderr=secondary, env=environment, stdout=subprocess.PIPE)
    os.close(secondary)
    shown = os.read(primary, 1 << 20).decode()
    os.close(primary)
    assert (done.returncode, done.stdout) == (0, b"result\n")
    assert "snips 20240418" in shown
    assert "3 of 3 frames, 2 kept" in shown
    assert "a second" in shown


# The stages


@pytest.fixture
def stage(project: Project) -> Project:
    """A project in which everything has run, with one frame of the time-lapse changed and listed again."""
    project.change_pixel(TIME_LAPSE, "A05_t0003_stitch.png", 200, 256)
    project.run("python", "-m", "stages.images", TIME_LAPSE)
    return project


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
    found = [state(stage.root / folder) for folder in FOLDERS] + [table.read_bytes(), latents.read_bytes()]

    for folder in FOLDERS:
        shutil.rmtree(stage.root / folder)
    shutil.rmtree(stage.root / ".dvc/tmp/morphseq")
    run_image_stages(stage)
    stage.run("python", "-m", "stages.latents", TIME_LAPSE, "--model", "demo_a")
    fresh = [state(stage.root / folder) for folder in FOLDERS] + [table.read_bytes(), latents.read_bytes()]
    assert found == fresh


def test_a_stage_that_fails_at_a_well_goes_on_there(stage: Project) -> None:
    path = stage.frames(TIME_LAPSE) / "A09_t0000_stitch.png"
    whole = path.read_bytes()
    stage.edit("params.yaml", "blend_um: 75", "blend_um: 60")
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
    project.edit("params.yaml", "large_mask: 0.15", "large_mask: 0.001")
    before = inodes(project)
    project.run("python", "-m", "stages.sam2", TIME_LAPSE, "--segmenter", "threshold")
    assert inodes(project) == before
    table = project.root / f"data/sam2_pipeline_files/sam2_expr_files/sam2_metadata_{TIME_LAPSE}.csv"
    assert table.read_text().count("LARGE_MASK") == 96


def test_latents_are_kept_by_embryo_and_another_model_has_its_own(project: Project) -> None:
    journal = project.root / f".dvc/tmp/morphseq/latents.demo_a.{TIME_LAPSE}.journal"
    first = journal.read_bytes()
    assert first.count(b"\n") == 12
    project.edit("params.yaml", "large_mask: 0.15", "large_mask: 0.14")
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
