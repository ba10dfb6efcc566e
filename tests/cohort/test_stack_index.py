"""The index of a folder of stacks, and the md5 by which DVC knows a folder."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.files import TEMPORARY
from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.cohort.manifests import canonical, stack_index
from morphseq_manifest.tracker.disk.folder_names import names
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from stages.reuse import kept_stacks

NAMES = st.text(st.characters(exclude_characters="/\0\n\r", exclude_categories=("C", "Z")), min_size=1, max_size=20)
FOLDERS = st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=50), max_size=8)
UNUSUAL = {"a": b"1", "a.b": b"2", "a-b/c": b"3", "A/ä/ß.tif": b"", "snow☃": b"4", "0": b"\r\n", "e/é/è": b"5"}


# What DVC takes for its own or another's, wherever it is, and what can't be written.
SPECIAL = {".", "..", ".git", ".hg", ".dvc", ".dvcignore", ".gitignore", "dvc.yaml", "dvc.lock"}


def fill(folder: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """Write what of `files` can stand together in a folder; returns that."""
    written = {}
    for name, data in files.items():
        path = folder / name
        if (
            SPECIAL & set(name.split("/"))
            or name.endswith(".dvc")
            or path.exists()
            or any(p.is_file() for p in path.parents)
        ):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        written[name] = data
    return written


def taken(name: str) -> bool:
    """Whether the project itself uses such names: an index has no such files."""
    return stack_index.NAME in name or f"/{TEMPORARY}" in f"/{name}"


def dvc_md5s(root: Path) -> list[str]:
    """What DVC itself says of each folder in `root`, by name."""
    folders = sorted(path.name for path in root.iterdir() if path.is_dir())
    for command in (["init", "--no-scm", "--quiet"], ["add", "--quiet", *folders]):
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=root, check=True, capture_output=True)
    return [YAML(typ="safe").load(root / f"{folder}.dvc")["outs"][0]["md5"] for folder in folders]


def test_the_md5_of_a_folder_is_that_of_dvc(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    md5s = {name: md5_bytes(data) for name, data in fill(folder, UNUSUAL).items()}
    (folder / ".morphseq-left.tmp").write_bytes(b"left by a killed process")
    (tmp_path / ".dvcignore").write_text(".morphseq-*\n")
    assert [folder_md5(md5s)] == dvc_md5s(tmp_path)
    assert sorted(names(folder)) == sorted(md5s)


@pytest.mark.slow
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(folders=st.lists(FOLDERS, min_size=5, max_size=9))
def test_the_md5_of_any_folder_is_that_of_dvc(
    folders: list[dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    expected = []
    for number, files in enumerate(folders):
        (root / str(number)).mkdir()
        written = fill(root / str(number), files | {"one": b"1"})
        expected.append(folder_md5({name: md5_bytes(data) for name, data in written.items()}))
    assert expected == dvc_md5s(root)


@settings(deadline=None)
@given(files=FOLDERS, data=st.data())
def test_an_index_says_what_is_there_and_refuses_to_be_another(
    files: dict[str, bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stacks")
    files = fill(folder, {name: content for name, content in files.items() if not taken(name)})
    stack_index.write(folder)
    written = (folder / stack_index.NAME).read_bytes()
    index = stack_index.parse(written, "index")
    assert {entry.path: (entry.size, entry.xxh3_128, entry.md5) for entry in index.files} == {
        name: (len(content), hash_bytes(content), md5_bytes(content)) for name, content in files.items()
    }
    stack_index.write(folder)
    assert (folder / stack_index.NAME).read_bytes() == canonical.dump(index) == written
    hashed = {name: md5_bytes((folder / name).read_bytes()) for name in names(folder)}
    assert index.folder_md5() == folder_md5(hashed)
    at = data.draw(st.integers(0, len(written) - 1))
    damaged = bytearray(written)
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    for bad in (bytes(damaged), written[:at]):
        with pytest.raises(ContentError, match=r"index.*Write it again"):
            stack_index.parse(bad, "index")


def test_an_index_of_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no-such"):
        stack_index.build(tmp_path / "no-such")
    (tmp_path / "gone.tif").symlink_to("nowhere")
    with pytest.raises(UnreadableError, match=r"gone\.tif"):
        stack_index.build(tmp_path)
    assert stack_index.read(tmp_path) is None
    (tmp_path / stack_index.NAME).mkdir()
    with pytest.raises(UnreadableError, match=stack_index.NAME):
        stack_index.read(tmp_path)


def test_stages_index_each_folder_of_stacks_in_the_same_step(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with kept_stacks.gathering([one, other]) as (first, second):
        with first.making("A01", "k") as draft:
            draft("A01.tif").write_bytes(b"1")
        with second.making("A02", "k") as draft:
            draft("A02.tif").write_bytes(b"22")
        assert not one.exists()
    found = [stack_index.read(folder) for folder in (one, other)]
    assert [[entry.path for entry in index.files] for index in found if index] == [["A01.tif"], ["A02.tif"]]
    with pytest.raises(RuntimeError), kept_stacks.gathering([one]) as (first,):
        with first.making("A03", "k") as draft:
            draft("A03.tif").write_bytes(b"3")
        raise RuntimeError
    assert stack_index.read(one) == found[0]


def test_an_index_can_be_written_again_by_hand(tmp_path: Path) -> None:
    folder = tmp_path / "stacks"
    folder.mkdir()
    (folder / "A01.tif").write_bytes(b"1")
    done = subprocess.run(
        [sys.executable, "-m", "morphseq_manifest", "-C", tmp_path, "index", "stacks"], check=True, capture_output=True
    )
    assert done.stdout == b""
    index = stack_index.read(folder)
    assert index is not None
    assert msgspec.to_builtins(index)["files"][0]["path"] == "A01.tif"
