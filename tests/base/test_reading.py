"""The one loop that reads a file: what it refuses, what it notices, and when it ends."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import xxhash

from morphseq_manifest.base import reading, system
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.hashing import hash_bytes, hash_file, md5_bytes
from morphseq_manifest.base.reading import CalledOffError, ChangingError, OtherSizeError, feed, read, stat_of
from morphseq_manifest.base.small_files import NotAFileError, read_small

PIECE = 1 << 20


class Pieces:
    """What the loop gives, piece by piece; `meanwhile` happens after each."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.data, self.meanwhile = b"", meanwhile

    def update(self, piece: memoryview) -> None:
        self.data += bytes(piece)
        self.meanwhile()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_every_way_of_reading_finds_the_same_bytes(tmp_path: Path, size: int) -> None:
    data, path = os.urandom(size), tmp_path / "file"
    path.write_bytes(data)
    pieces, state = Pieces(), xxhash.xxh3_128()
    assert feed(str(path), (pieces, state)) == stat_of(path.stat())
    assert (pieces.data, state.hexdigest()) == (data, hash_bytes(data))
    assert feed(str(path), (), size=size) == stat_of(path.stat())
    known = read(str(path))
    assert known.fits(stat_of(path.stat()))
    assert (known.md5, known.xxh3_128, hash_file(path)) == (md5_bytes(data), hash_bytes(data), hash_bytes(data))


def test_what_is_not_a_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path, Path("/dev/null"), Path("/dev/zero")):
        with pytest.raises(NotAFileError) as caught:
            feed(str(path), ())
        assert caught.value.filename == str(path)
    for path in (tmp_path / "socket", tmp_path / "gone"):
        with pytest.raises(OSError, match=path.name):
            feed(str(path), ())
    with pytest.raises(UnreadableError, match=r"pipe: can't be read \(not a regular file\)"):
        hash_file(tmp_path / "pipe")
    with pytest.raises(UnreadableError, match=r"can't be read \(Is a directory\)"):
        hash_file(tmp_path)


def test_a_file_of_another_size_is_refused_unread(tmp_path: Path) -> None:
    path, pieces = tmp_path / "file", Pieces()
    path.write_bytes(b"12345")
    for size in (0, 4, 6):
        with pytest.raises(OtherSizeError) as caught:
            feed(str(path), (pieces,), size=size)
        assert caught.value.args == (size, 5)
    assert pieces.data == b""


def test_a_file_that_changes_meanwhile_is_noticed_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE))
    before = stat_of(path.stat())

    def touch() -> None:
        while stat_of(path.stat()) == before:
            os.utime(path)

    with pytest.raises(ChangingError):
        feed(str(path), (Pieces(touch),), steady=True)
    before = stat_of(path.stat())
    assert feed(str(path), (Pieces(touch),)) == before


def test_no_more_than_the_expected_size_is_read_of_a_file_that_grows_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE))

    def grow() -> None:
        with path.open("ab") as file:
            file.write(bytes(2 * PIECE))

    pieces = Pieces(grow)
    feed(str(path), (pieces,), size=2 * PIECE)
    assert len(pieces.data) == 2 * PIECE


def test_reading_is_called_off_within_a_piece(tmp_path: Path) -> None:
    path, stop = tmp_path / "file", bytearray(1)
    path.write_bytes(bytes(5 * PIECE))

    def call_off() -> None:
        stop[0] = 1

    pieces = Pieces(call_off)
    with pytest.raises(CalledOffError):
        feed(str(path), (pieces,), stop=stop)
    assert len(pieces.data) == PIECE
    with pytest.raises(CalledOffError):
        read(str(path), stop)


def test_no_file_stays_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    before = os.listdir("/dev/fd")
    for path in (tmp_path, tmp_path / "file", tmp_path / "gone"):
        for size in (None, 2):
            with pytest.raises((OSError, OtherSizeError, CalledOffError)):
                feed(str(path), (), size=size, stop=b"\1")
    assert len(os.listdir("/dev/fd")) == len(before)


def test_threads_do_not_read_into_each_others_memory(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (3 * PIECE))
    meet = threading.Barrier(len(paths))
    wrong = []

    def look(path: Path) -> None:
        pieces = Pieces(meet.wait)
        feed(str(path), (pieces,))
        if pieces.data != path.read_bytes():
            wrong.append(path)

    threads = [threading.Thread(target=look, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not system.FORKS, reason="processes are forked on Linux only")
def test_forked_processes_do_not_read_into_each_others_memory(tmp_path: Path) -> None:
    """In a process of its own, which has read before it forks."""
    code = """\
import os, sys
from morphseq_manifest.base.reading import feed
class Slow:
    def __init__(self, ready, go):
        self.ready, self.go, self.kept = ready, go, None
    def update(self, piece):
        os.write(self.ready, b"r")
        os.read(self.go, 1)
        self.kept = bytes(piece)
feed("one", ())
(came, ready_end), (go_end, gone) = os.pipe(), os.pipe()
children = []
for name in ("one", "other"):
    if not (pid := os.fork()):
        slow = Slow(ready_end, go_end)
        feed(name, (slow,))
        os._exit(slow.kept != open(name, "rb").read())
    children.append(pid)
for _ in children:
    os.read(came, 1)
os.write(gone, b"gg")
sys.exit(any([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]))
"""
    (tmp_path / "one").write_bytes(b"1" * 1000)
    (tmp_path / "other").write_bytes(b"2" * 1000)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_errors_of_the_system_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1")

    def fail(handle: int, buffers: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "readv", fail)
    with pytest.raises(OSError, match="file"):
        reading.read(str(path))
    with pytest.raises(UnreadableError, match=r"file: can't be read \(Input/output error\)"):
        hash_file(path)


def test_small_files_are_read_at_once_and_nothing_else_is_waited_for(tmp_path: Path) -> None:
    path, folder, pipe, large = (tmp_path / name for name in ("file", "folder", "pipe", "large"))
    path.write_bytes(b"content")
    folder.mkdir()
    os.mkfifo(pipe)
    large.touch()
    os.truncate(large, (1 << 30) + 1)
    assert read_small(path) == b"content"
    for wrong, why in ((folder, "Is a directory"), (pipe, "not a regular"), (Path("/dev/zero"), "not a regular"),
                       (large, "more than"), (tmp_path / "none", "No such file")):  # fmt: skip
        with pytest.raises(OSError, match=why) as refused:
            read_small(wrong)
        assert refused.value.filename == str(wrong)
