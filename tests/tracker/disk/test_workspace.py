"""The files as they are, and what is remembered of them, in any number of threads."""

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from morphseq_manifest.base import reading, small_files
from morphseq_manifest.base.files import OWN
from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.tracker.disk import folder_look as folder_module
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from tests.tracker.disk.looking import DATA, look


def edit_unseen(path: Path, data: bytes) -> None:
    """Edit a file in place, with its size and mtime as before, when the clock of the disk has moved on."""
    before = path.stat()
    assert len(data) == before.st_size
    path.write_bytes(data)
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.usefixtures("settled")
def test_what_was_not_touched_is_not_read_again(root: Path, reads: list[str]) -> None:
    first = look(root)
    assert len(reads) == 41
    assert first["data/table.csv"] == Content(md5_bytes(b"a,b\n"), 4)
    assert first[DATA].nfiles == 40
    assert first["data/nothing"].is_absent
    reads.clear()
    assert look(root) == first
    assert reads == []
    (root / DATA / "A01_t0003.png").write_text("another")
    assert look(root)[DATA] != first[DATA]
    assert reads == ["A01_t0003.png"]
    (root / DATA / "A01_t0003.png").write_text("frame 3")
    assert look(root) == first


@pytest.mark.usefixtures("settled")
def test_what_stats_do_not_tell_is_not_read_if_they_alone_are_asked(root: Path, reads: list[str]) -> None:
    paths = ["data/table.csv", DATA, "data/nothing"]
    assert Workspace(root).told_by_stats(paths).keys() == {"data/nothing"}
    first = look(root)
    reads.clear()
    assert Workspace(root).told_by_stats(paths) == {path: first[path] for path in paths}
    (root / DATA / "A01_t0003.png").write_text("another")
    (root / "data/table.csv").write_text("c")
    assert Workspace(root).told_by_stats(paths) == {"data/nothing": first["data/nothing"]}
    assert reads == []


@pytest.mark.usefixtures("settled")
def test_an_edit_that_keeps_size_and_mtime_is_seen(root: Path) -> None:
    first = look(root)
    edit_unseen(root / DATA / "A01_t0007.png", b"FRAME 7")
    edit_unseen(root / "data/table.csv", b"A,B\n")
    found = look(root)
    assert found["data/table.csv"].md5 == md5_bytes(b"A,B\n")
    assert found[DATA].md5 != first[DATA].md5
    assert found[DATA].size == first[DATA].size


def test_what_is_as_young_as_the_look_is_read_again(root: Path, reads: list[str]) -> None:
    first = look(root)
    reads.clear()
    assert look(root) == first
    assert len(reads) == 41
    assert (Workspace(root).cache.files, Workspace(root).cache.folders) == ({}, {})


def test_it_is_relied_on_once_its_last_change_is_long_enough_ago(
    root: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = root / "data/table.csv"
    for after_ns, times in ((0, 2), (1, 1)):
        reads.clear()
        now = table.stat().st_ctime_ns + small_files.SETTLED_NS + after_ns
        monkeypatch.setattr(time, "time_ns", lambda now=now: now)
        for _ in range(2):
            seen = Workspace(root)
            seen.look(["data/table.csv"])
            seen.save()
        assert reads == ["table.csv"] * times


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "damage",
    [
        lambda data, chance: data[: chance.randrange(len(data))],
        lambda data, chance: b"",
        lambda data, chance: data + b"x",
        lambda data, chance: chance.randbytes(len(data)),
        lambda data, chance: bytes(byte ^ (number == len(data) // 2) for number, byte in enumerate(data)),
    ],
    ids=["cut", "empty", "longer", "other", "one bit"],
)
def test_a_damaged_memory_is_as_good_as_none(
    root: Path, reads: list[str], damage: Callable[[bytes, random.Random], bytes]
) -> None:
    first = look(root)
    kept = [path for path in (root / OWN).rglob("*") if path.is_file()]
    assert len(kept) == 4, "of files, of folders, of the rules of .dvcignore, of DVC's settings"
    for path in kept:
        path.write_bytes(damage(path.read_bytes(), random.Random(1)))
    reads.clear()
    assert look(root) == first
    assert len(reads) == 41
    for path in kept:
        path.unlink()
        path.mkdir()
    assert look(root) == first


@pytest.mark.usefixtures("settled")
def test_a_file_that_changes_while_it_is_read_is_never_remembered(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = look(root)
    shutil.rmtree(root / OWN)
    readv = os.readv

    def restless(handle: int, buffers: tuple[memoryview]) -> int:
        count = readv(handle, buffers)
        before = os.fstat(handle).st_ctime_ns
        while os.fstat(handle).st_ctime_ns == before:
            os.utime(handle)
        return count

    monkeypatch.setattr(os, "readv", restless)
    found = look(root)
    assert "changes while it is read" in str(found["data/table.csv"].trouble)
    assert "changes while it is looked at" in str(found[DATA].trouble)
    monkeypatch.undo()
    assert (Workspace(root).cache.files, Workspace(root).cache.folders) == ({}, {})
    assert look(root) == first


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("threads", [1, 16])
def test_a_folder_that_changed_once_meanwhile_is_told_as_it_is_then(
    root: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    changes: list[Callable[[], object]] = [
        (root / DATA / "A01_t0001.png").unlink,
        lambda: (root / DATA / "A01_t0002.png").write_text("written meanwhile"),
    ]

    def read(path: str, stop: reading.Flag) -> reading.Known:
        if changes:
            changes.pop()()
        return reading.read(path, stop)

    monkeypatch.setattr(folder_module, "read", read)
    found = look(root, threads)[DATA]
    monkeypatch.undo()
    shutil.rmtree(root / OWN)
    assert found == look(root)[DATA]
    assert found.nfiles == 39


@pytest.mark.usefixtures("settled")
def test_any_number_of_threads_finds_the_same(root: Path) -> None:
    for number in range(600):
        (root / DATA / f"inner/B{number:04d}.png").write_bytes(b"%d" % number)
    (root / "data/spoilt").mkdir()
    (root / "data/spoilt/link").symlink_to("nowhere")
    paths = [DATA, f"{DATA}/inner", "data/table.csv", "data/nothing", "data/spoilt", "data/table.csv/inside"]
    found = []
    for threads in (1, 2, 16):
        for _ in ("nothing is remembered", "all is"):
            found.append(Workspace(root, threads).look(paths))
        shutil.rmtree(root / OWN)
    assert all(other == found[0] for other in found)
    assert found[0][DATA].nfiles == 640


@pytest.mark.usefixtures("settled")
def test_the_members_of_a_folder_have_the_hashes_that_manifests_have(root: Path, reads: list[str]) -> None:
    members = Workspace(root).members(DATA)
    assert members["A01_t0005.png"].xxh3_128 == hash_bytes(b"frame 5")
    assert members["inner/A02_t0001.png"].size == 13
    assert len(members) == 40
    reads.clear()
    assert Workspace(root).members(DATA) == members
    assert reads == []
