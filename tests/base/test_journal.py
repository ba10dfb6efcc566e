"""A journal cut or damaged anywhere keeps its other records, and takes more."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphseq_manifest.base.journal import Journal


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


def test_a_journal_shrinks_to_what_is_used(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j", Line)) as journal:
        for number in range(4):
            journal.add(Line(number, b""))
        journal.shrink(journal.records[1:3])
    with closing(Journal(tmp_path / "j", Line)) as journal:
        assert [record.number for record in journal.records] == [1, 2]
