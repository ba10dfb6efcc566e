"""A journal of several people: each appends to a file of their own, and what is damaged or another's hinders nobody."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphseq_manifest.base import shared_journal


class Line(msgspec.Struct, frozen=True):
    number: int


def numbers(folder: Path) -> list[int]:
    return [line.number for line in shared_journal.read(folder, Line)[0]]


def own(folder: Path) -> Path:
    return folder / str(os.geteuid())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.data())
def test_cut_or_damaged_anywhere_it_holds_the_other_records_and_takes_more(
    tmp_path_factory: pytest.TempPathFactory, count: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal") / "j"
    for number in range(count):
        shared_journal.append(folder, [Line(number)])
    whole = own(folder).read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    own(folder).write_bytes(whole[:cut])
    shared_journal.append(folder, [Line(7), Line(8)])
    left = whole[:cut].count(b"\n") + (whole[cut : cut + 1] == b"\n")
    assert numbers(folder) == [*range(left), 7, 8]


def test_many_processes_append_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, msgspec; from pathlib import Path; from morphseq_manifest.base import shared_journal\n"
        "Line = msgspec.defstruct('Line', [('number', int)])\n"
        "for number in range(50): shared_journal.append(Path(sys.argv[1]), [Line(number)])"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "j"]) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert sorted(numbers(tmp_path / "j")) == sorted([*range(50)] * 4)


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o700, 0o2775])
def test_others_may_do_with_it_what_they_may_in_the_folder(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    shared_journal.append(tmp_path / "j", [Line(1)])
    shared_journal.shrink(tmp_path / "j", Line, 1, lambda lines: lines)
    modes = [path.stat().st_mode & 0o7777 for path in (tmp_path / "j", own(tmp_path / "j"))]
    assert modes == [mode, mode & 0o666]


def test_no_link_is_followed_and_no_pipe_waited_for(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    folder = tmp_path / "j"
    folder.mkdir()
    own(folder).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=str(own(folder))):
        shared_journal.append(folder, [Line(1)])
    assert len(shared_journal.read(folder, Line)[1]) == 1
    own(folder).unlink()
    os.mkfifo(own(folder))
    with pytest.raises(OSError, match="not a regular file"):
        shared_journal.append(folder, [Line(1)])
    assert len(shared_journal.read(folder, Line)[1]) == 1
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_it_shrinks_to_what_is_kept(tmp_path: Path) -> None:
    shared_journal.shrink(tmp_path / "none", Line, 0, lambda lines: lines)
    shared_journal.append(tmp_path, [Line(number) for number in range(9)])
    shared_journal.shrink(tmp_path, Line, 10**6, lambda lines: [])
    assert numbers(tmp_path) == [*range(9)]
    shared_journal.shrink(tmp_path, Line, 100, lambda lines: lines[-2:])
    assert numbers(tmp_path) == [7, 8]


def test_no_more_is_read_than_anybody_needs(tmp_path: Path) -> None:
    for number in range(150):
        (tmp_path / f"{number}").write_bytes(b"\xff" * 10)
    records, unread = shared_journal.read(tmp_path, Line)
    assert (records, unread) == ([], [f"{tmp_path}: only 100 of 150 files are looked at"])
