"""Entries merged one by one: what one side has changed is as it has it, and nothing else is in conflict."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.base.merging import Sides, merge, placed

names = st.text("abcd", min_size=1, max_size=2)
mappings = st.dictionaries(names, st.integers(0, 3), max_size=6)
edits = st.lists(st.tuples(names, st.none() | st.integers(0, 3)), max_size=4)


def edited(mapping: dict[str, int], changes: list[tuple[str, int | None]]) -> dict[str, int]:
    changed = mapping | {name: value for name, value in changes if value is not None}
    gone = {name for name, value in changes if value is None}
    return {name: value for name, value in changed.items() if name not in gone}


def left(name: str, sides: Sides[int]) -> Sides[int]:
    """Leave what both have changed to people."""
    return sides


@given(mappings, mappings, mappings)
def test_each_entry_is_as_the_side_has_it_that_changed_it(
    base: dict[str, int], ours: dict[str, int], theirs: dict[str, int]
) -> None:
    merged = merge([base, ours, theirs], left)
    for name in base.keys() | ours.keys() | theirs.keys():
        before, here, there = base.get(name), ours.get(name), theirs.get(name)
        changed = {value for value in (here, there) if value != before}
        if len(changed) < 2:
            assert merged.get(name) == (changed.pop() if changed else before)
        else:
            assert merged[name] == Sides(before, here, there)


@given(mappings, mappings, mappings)
def test_the_other_way_round_it_is_the_same(base: dict[str, int], ours: dict[str, int], theirs: dict[str, int]) -> None:
    there = {
        name: Sides(entry.base, entry.theirs, entry.ours) if isinstance(entry, Sides) else entry
        for name, entry in merge([base, theirs, ours], left).items()
    }
    assert merge([base, ours, theirs], left) == there


@given(mappings, st.lists(edits, min_size=2, max_size=4))
def test_changes_of_different_entries_merge_in_all_orders(
    base: dict[str, int], changes: list[list[tuple[str, int | None]]]
) -> None:
    taken: set[str] = set()
    for change in changes:  # each entry is one person's
        change[:] = [edit for edit in change if edit[0] not in taken]
        taken |= {name for name, _ in change}
    branches = [edited(base, change) for change in changes]
    wanted = edited(base, [edit for change in changes for edit in change])
    for order in itertools.permutations(branches):
        merged = order[0]
        for branch in order[1:]:
            found = merge([base, merged, branch], left)
            merged = {name: entry for name, entry in found.items() if isinstance(entry, int)}
            assert merged == found, "no conflict"
        assert merged == wanted


@given(st.lists(names, unique=True), st.data())
def test_what_is_added_is_placed_by_name(known: list[str], data: st.DataObject) -> None:
    first = data.draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    order = placed(known, [*first, "other"], lambda name: ("", name))
    assert sorted(order) == sorted(known)
    assert [name for name in order if name in first] == first, "ours stay in their order"
    if first == sorted(first):
        assert order == sorted(known)


def test_and_among_those_of_its_kind() -> None:
    def rank(name: str) -> tuple[str, str]:
        return name[0], name

    assert placed(["a2", "b1", "b3", "c1", "b2", "a1"], ["b1", "b3", "a2"], rank) == [
        "b1",
        "b2",
        "b3",
        "a1",
        "a2",
        "c1",
    ]
