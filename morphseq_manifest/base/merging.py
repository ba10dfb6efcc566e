"""What two sides have made of the same, merged entry by entry: what only one has changed is as it has it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

Entry = TypeVar("Entry")


class Sides(NamedTuple, Generic[Entry]):
    """An entry that both have changed, each in its own way: as it was, and as each has it; None if it is not there."""

    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


Settle = Callable[[str, Sides[Entry]], Entry | Sides[Entry] | None]


class Merged(NamedTuple):
    """A merged text; the names of what both sides changed, each in its own way; and what else people should know.

    `left`: why all of it is left to people, if it is.
    """

    text: str
    conflicts: list[str]
    remark: str = ""
    left: str = ""


def merge(sides: Sequence[Mapping[str, Entry]], settle: Settle[Entry]) -> dict[str, Entry | Sides[Entry]]:
    """The entries by name, in our order, then theirs, of the `sides` base, ours, theirs; a conflict as its sides.

    `settle` says what becomes of an entry that both have changed: the entry, None to leave it out, the sides.
    """
    base, ours, theirs = sides
    found: dict[str, Entry | Sides[Entry]] = {}
    for name in dict.fromkeys([*ours, *theirs]):
        entry = _merged(name, Sides(base.get(name), ours.get(name), theirs.get(name)), settle)
        if entry is not None:
            found[name] = entry
    return found


def _merged(name: str, sides: Sides[Entry], settle: Settle[Entry]) -> Entry | Sides[Entry] | None:
    if sides.ours == sides.theirs or sides.theirs == sides.base:
        return sides.ours
    return sides.theirs if sides.ours == sides.base else settle(name, sides)


def placed(names: Iterable[str], first: Iterable[str], rank: Callable[[str], tuple[str, str]]) -> list[str]:
    """The names, those of `first` in that order; each of the others in its place among those of its kind.

    `rank` says the kind of a name, and its place: before the first that comes after it, else after the last.
    """
    known = set(names)
    order = [name for name in first if name in known]
    peaks: dict[str, list[tuple[str, str]]] = {}
    last: dict[str, str] = {}
    for name in order:
        kind, place = rank(name)
        last[kind] = name
        if not (found := peaks.setdefault(kind, [])) or place > found[-1][0]:
            found.append((place, name))
    before, after = defaultdict[str, list[str]](list), defaultdict[str | None, list[str]](list)
    for name in sorted(known - set(order), key=rank):
        kind, place = rank(name)
        found = peaks.get(kind, [])
        at = bisect_right(found, place, key=itemgetter(0))
        (before[found[at][1]] if at < len(found) else after[last.get(kind)]).append(name)
    return [other for name in order for other in (*before[name], name, *after[name])] + after[None]
