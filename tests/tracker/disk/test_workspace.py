"""The files as they are: the md5 that DVC gives any tree, and what is remembered of them, in any number of threads."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc.fs import localfs
from dvc.repo import Repo
from dvc_data.hashfile.build import build
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from morphseq_manifest.base import reading
from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.base.memo import FOLDER
from morphseq_manifest.tracker.disk import crew, workspace
from morphseq_manifest.tracker.disk import folder_look as folder_module
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from tests.running import DEADLINE_S, wait_until

DATA = "data/frames"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a folder of 40 frames, two of them in a folder of their own, and a table."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / DATA / "inner").mkdir(parents=True)
    for number in range(38):
        (tmp_path / DATA / f"A01_t{number:04d}.png").write_text(f"frame {number}")
    for number in range(2):
        (tmp_path / DATA / f"inner/A02_t{number:04d}.png").write_text(f"inner frame {number}")
    (tmp_path / "data/table.csv").write_text("a,b\n")
    return tmp_path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just written is as good as what was written long ago."""
    monkeypatch.setattr(workspace, "SETTLED_NS", -(10**18))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, as they are."""
    names: list[str] = []

    def read(path: str) -> reading.Known:
        names.append(Path(path).name)
        return reading.read(path)

    monkeypatch.setattr(workspace, "read", read)
    monkeypatch.setattr(folder_module, "read", read)
    return names


def look(root: Path, threads: int = 1) -> dict[str, Content]:
    """What a command that starts anew finds."""
    found = Workspace(root, threads)
    try:
        return dict(found.look([DATA, "data/table.csv", "data/nothing"]))
    finally:
        found.save()


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
        now = table.stat().st_ctime_ns + workspace.SETTLED_NS + after_ns
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
    kept = [path for path in (root / FOLDER).rglob("*") if path.is_file()]
    assert len(kept) == 2
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
    shutil.rmtree(root / FOLDER)
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

    def read(path: str) -> reading.Known:
        if changes:
            changes.pop()()
        return reading.read(path)

    monkeypatch.setattr(folder_module, "read", read)
    found = look(root, threads)[DATA]
    monkeypatch.undo()
    shutil.rmtree(root / FOLDER)
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
        shutil.rmtree(root / FOLDER)
    assert all(other == found[0] for other in found)
    assert found[0][DATA].nfiles == 640


def test_a_thread_that_joins_in_for_the_last_job_and_comes_late_does_not_wait_for_ever() -> None:
    joins, begun = threading.Event(), threading.Event()

    def first() -> list[crew.Job]:
        assert joins.wait(DEADLINE_S)
        return []

    def last() -> list[crew.Job]:
        begun.set()
        wait_until(lambda: bool(work._change._waiters), "for the second thread")  # type: ignore[attr-defined]
        return []

    class Late(crew._Crew):
        def _join_in(self, count: int) -> None:
            if self._threads:
                joins.set()
                assert begun.wait(DEADLINE_S)
            super()._join_in(count)

    class Threads(list[threading.Thread]):
        """The list of threads, into which the second is put when the first has ended."""

        def append(self, thread: threading.Thread) -> None:
            if self:
                self[0].join(DEADLINE_S / 10)
            super().append(thread)

    work = Late([last, first], 2)
    work._threads = Threads()
    caller = threading.Thread(target=work.run, daemon=True)
    caller.start()
    caller.join(DEADLINE_S)
    assert not caller.is_alive()


def test_processes_find_the_same_and_only_what_is_unchanged(root: Path) -> None:
    """In a process of its own: with threads about, as here, none are forked."""
    code = f"""\
import json, os
from pathlib import Path
from morphseq_manifest import workspace
from morphseq_manifest.tracker.disk.workspace import processes
workspace.SETTLED_NS = -(10**18)
def look(worth):
    folder_digests._WORTH_FILES = worth
    os.cpu_count = lambda: 2
    seen = workspace.Workspace(Path("."), 1)
    found = seen.look([{DATA!r}, "data/other"])
    seen.save()
    return {{path: [found[path].md5, found[path].size, found[path].nfiles] for path in found}}
first = look(10**9)
known = workspace.Workspace(Path(".")).cache.folders
ignore = workspace.Ignore(Path("."))
folder_digests._WORTH_FILES = 0
told = sorted(folder_digests.unchanged(".", known, ignore))
forked = look(0)
Path({DATA!r}, "A01_t0000.png").write_text("changed")
print(json.dumps([first, forked, told, sorted(folder_digests.unchanged(".", known, ignore)), look(0) == look(10**9)]))
"""
    (root / "data/other").mkdir()
    (root / "data/other/one").write_text("one")
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    first, forked, told, still, same = json.loads(done.stdout)
    assert first == forked
    assert first[DATA][2] == 40
    assert same
    if sys.platform == "linux":
        assert (told, still) == ([DATA, "data/other"], ["data/other"])


@pytest.mark.usefixtures("settled")
def test_the_members_of_a_folder_have_the_hashes_that_manifests_have(root: Path, reads: list[str]) -> None:
    members = Workspace(root).members(DATA)
    assert members["A01_t0005.png"].xxh3_128 == hash_bytes(b"frame 5")
    assert members["inner/A02_t0001.png"].size == 13
    assert len(members) == 40
    reads.clear()
    assert Workspace(root).members(DATA) == members
    assert reads == []


NAMES = ["a", "b", "c.png", "keep.tmp", "x.tmp", "é", "a b", ".hidden", ".git", ".hg", ".dvc", "Thumbs.db", "-"]
RULES = [
    "*.tmp", "!keep.tmp", "Thumbs.db", "b/", "a/b", "/data/frames/a/c.png", "**/a b", "c*", "[a-c]", "# a", "\\#b", "é",
    "a/**", "**/b/*", "!a/b", "?.png", "data/frames/b/**/x.tmp", " b ", "/a",
]  # fmt: skip
trees = st.lists(
    st.tuples(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
        st.sampled_from(["file", "file", "file", "folder", "link to a file", "link to a folder"]),
        st.binary(max_size=4),
    ),
    max_size=12,
)
rules = st.lists(st.sampled_from(RULES), max_size=4)


def plant(folder: Path, tree: list[tuple[list[str], str, bytes]]) -> None:
    """Make what can be made of a tree: a name that is taken stays what it is."""
    storage = folder.parents[1] / "storage"
    (storage / "more").mkdir(parents=True)
    (storage / "file").write_bytes(b"linked")
    (storage / "more/file").write_bytes(b"in a linked folder")
    folder.mkdir(parents=True)
    for names, kind, data in tree:
        path = folder.joinpath(*names)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "file":
                path.write_bytes(data)
            elif kind == "folder":
                path.mkdir()
            else:
                path.symlink_to(storage / ("file" if kind == "link to a file" else "more"))


@settings(max_examples=100, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(trees, rules)
def test_any_tree_has_the_md5_that_dvc_gives_it(tree: list[tuple[list[str], str, bytes]], ignored: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        root = Path(name)
        (root / ".dvc/tmp").mkdir(parents=True)
        (root / ".dvc/config").write_text("[core]\n    no_scm = True\n    site_cache_dir = site\n")
        (root / ".dvcignore").write_text("\n".join(ignored))
        plant(root / DATA, tree)
        with Repo() as repo:
            if repo.dvcignore.is_ignored_dir(str(root / DATA)):
                return
            _, meta, tree_object = build(
                repo.cache.local, str(root / DATA), localfs, "md5", ignore=repo.dvcignore, dry_run=True
            )
        expected = Content(tree_object.hash_info.value, meta.size, meta.nfiles)
        for _ in ("nothing is remembered", "all is"):
            assert Workspace(root, 2).look([DATA])[DATA] == expected
        assert len(Workspace(root, 2).members(DATA)) == meta.nfiles
