"""A run keeps the stacks that are still its own, resumes an interrupted run, and gives a fresh run's bytes."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort.manifests import stack_index
from stages.files import stacks
from stages.reuse import kept_stacks
from stages.reuse.kept_stacks import Shelf
from tests.project import replace_file


def make(shelf: Shelf, well: str, key: str, *names: str) -> None:
    with shelf.making(well, key) as draft:
        for name in names or (f"{well}.tif",):
            page = stacks.Page(stacks.PageTag(0, "0" * 32, key), np.full((4, 5), len(name + key), np.uint8))
            stacks.write_stack(draft(name), [page])


def gather(place: Path, wanted: dict[str, str], stop_after: int = 99) -> tuple[list[str], list[str]]:
    """Run a stage of one stack a well; returns the wells that were kept, and those that were made."""
    kept: list[str] = []
    made: list[str] = []
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


@pytest.mark.slow
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

    os.fsync = fsync  # type: ignore[assignment]
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


def test_one_process_at_a_time_is_at_an_output(tmp_path: Path) -> None:
    with (
        kept_stacks.gathering([tmp_path / "out"]),
        pytest.raises(ConfigError, match=r"\.morphseq-out\.journal: another process is at work"),
        kept_stacks.gathering([tmp_path / "out"]),
    ):
        pass
