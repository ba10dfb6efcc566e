"""Ids, settings, manifests and files: the parts everything else stands on."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError, ContentError, UnreadableError
from morphseq_manifest.cohort import ids, params
from morphseq_manifest.cohort.manifests import canonical, images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame, Problem
from tests.project import REPOSITORY

experiments = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
wells = st.builds(lambda row, column: f"{row}{column:02d}", st.sampled_from("ABCDEFGH"), st.integers(1, 12))
frames = st.lists(
    st.builds(
        Frame,
        well=wells,
        time_int=st.integers(0, 99_999),
        path=st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12),
        size=st.integers(0, 1 << 40),
        xxh3_128=st.text("0123456789abcdef", min_size=32, max_size=32),
    ),
    unique_by=lambda frame: (frame.well, frame.time_int),
    max_size=12,
)
problems = st.lists(st.builds(Problem, st.sampled_from(["a", "b"]), wells, st.integers(-1, 9), st.just("")), max_size=3)


@pytest.mark.parametrize("name", ["", "a b", "-a", "../up", "a/b", "it's", "a@b", "é"])
def test_ids_that_could_not_be_folders_or_stand_in_commands_are_refused(name: str) -> None:
    assert not ids.is_experiment(name)
    with pytest.raises(ConfigError, match=r"line 2: experiment id .* can't be used"):
        params.parse(f"experiments:\n  {msgspec.json.encode(name).decode()}:\n    segmenter: a\n")


@given(experiments, frames, problems, st.randoms())
def test_a_manifest_does_not_depend_on_the_order_of_the_walk(experiment, frames, problems, random) -> None:  # type: ignore[no-untyped-def]
    data = canonical.dump(images_manifest.build(experiment, frames, problems, 5))
    random.shuffle(frames)
    random.shuffle(problems)
    assert canonical.dump(images_manifest.build(experiment, frames, problems, 5)) == data
    assert canonical.dump(images_manifest.parse(data, "it")) == data


@given(frames.filter(len), st.data())
def test_a_manifest_differs_with_any_path_size_or_hash(listed: list[Frame], data: st.DataObject) -> None:
    first = images_manifest.build("exp", listed, [], 1)
    index = data.draw(st.integers(0, len(listed) - 1))
    changes: dict[str, object] = {"path": listed[index].path + "x", "size": listed[index].size + 1, "xxh3_128": "z"}
    field = data.draw(st.sampled_from(sorted(changes)))
    listed[index] = msgspec.structs.replace(listed[index], **{field: changes[field]})
    assert images_manifest.build("exp", listed, [], 1).digest != first.digest


@given(frames, st.data())
def test_an_edited_or_truncated_manifest_is_refused(listed: list[Frame], data: st.DataObject) -> None:
    whole = canonical.dump(images_manifest.build("exp", listed, [], 1))
    cut = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[cut] ^= data.draw(st.integers(1, 255))
    for damaged in (whole[:cut], bytes(flipped), whole + b"\n"):
        with pytest.raises(ContentError):
            images_manifest.parse(damaged, "it")


PARAMS = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("20240418", "line 3: experiment id 20240418 is read as int"),
        ("20250305_1", "line 3: experiment id 20250305_1 is read as int"),
        ("1e5", "line 3: experiment id 1e5 is read as float"),
        ("null", "line 3: experiment id null is read as null"),
        ("true", "line 3: experiment id true is read as bool"),
        ("2025-03-05", "line 3: experiment id 2025-03-05 is read as timestamp"),
        ('"20250101"', "line 5: '20250101' is given twice, first in line 3"),
        ('"a b"', "line 3: experiment id 'a b' can't be used"),
    ],
)
def test_ids_that_dvc_would_lose_are_refused(key: str, said: str) -> None:
    text = PARAMS.replace("experiments:\n", f"experiments:\n  {key}:\n    segmenter: threshold\n", 1)
    with pytest.raises(ConfigError) as caught:
        params.parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2024-01-01", "read as timestamp"), ("[0.1, {a: [2024-01-01]}]", "read as timestamp"),
        ("!!set {a, b}", "read as set"), ("[{a: 1, a: 2}]", "'a' is given twice"), ("{[a]: 1}", "a name is a list"),
    ],
)  # fmt: skip
def test_values_that_dvc_stops_at_are_refused(value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"line 1: .*{said}"):
        params.parse(f"more: {value}\n{PARAMS}")


@pytest.mark.parametrize(
    "text", ["", "- a\n", "experiments: [", "experiments:\n  - a\n", "experiments:\n  a: 5\n", "a: 1\n"]
)
def test_params_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml"):
        params.parse(text)


def test_missing_params_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"params\.yaml"):
        params.read(tmp_path)


def test_a_write_that_fails_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("first")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_folders_are_replaced_together_and_through_their_links(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    (storage / "old.tif").write_text("old")
    one, other = tmp_path / "one", tmp_path / "other"
    one.symlink_to(storage)
    with pytest.raises(RuntimeError), files.replacing_folders([one, other]) as (first, _):
        (first / "new.tif").write_text("half")
        raise RuntimeError
    assert os.listdir(one) == ["old.tif"]
    assert not other.exists()
    with files.replacing_folders([one, other]) as (first, second):
        (first / "new.tif").write_text("new")
        (second / "new.tif").write_text("new")
    assert one.is_symlink()
    assert os.listdir(storage) == os.listdir(other) == ["new.tif"]
    assert sorted(os.listdir(tmp_path)) == ["one", "other", "storage"]
