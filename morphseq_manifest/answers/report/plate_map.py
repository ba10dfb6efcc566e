"""The map of a plate: of each well, how many rows it has in df02, and how many have each flag."""

from collections.abc import Collection, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from morphseq_manifest.answers.report.rows import FLAGS, REASONS, UNKNOWN, USABLE, WELL, Rows

ROWS, COLUMNS = "ABCDEFGH", tuple(range(1, 13))
NOT_USABLE = "not usable"
_WELLS_NAMED = 12


class Well(msgspec.Struct, frozen=True):
    """A well: its rows in df02, how many of them have each of the map's flags, and of how many that is not known."""

    rows: int
    raised: list[int]
    unknown: list[int]


class FlagCount(msgspec.Struct, frozen=True):
    """A flag: how many rows have it, of how many it is not known, and the wells with such rows, in words."""

    flag: str
    rows: int
    unknown: int
    wells: str


class PlateMap(msgspec.Struct, frozen=True):
    """The wells with frames or rows, by name; `flags` are what is counted in each, the first `not usable`."""

    flags: list[str]
    wells: dict[str, Well]
    counts: list[FlagCount]


def of_rows(rows: Rows, with_frames: Collection[str]) -> PlateMap:
    """The map of one experiment's rows; a well `with_frames` and no row is on it, too."""
    names, codes = np.unique(rows.columns[WELL].astype(str), return_inverse=True)
    sizes = _by_well(np.ones(rows.count, bool), codes, len(names))
    counted = {
        flag: (_by_well(values == 1, codes, len(names)), _by_well(values == UNKNOWN, codes, len(names)))
        for flag, values in _flags(rows)
    }
    # A flag that no row has, and of which all is known, would only fill the list.
    shown = {flag: both for flag, both in counted.items() if flag == NOT_USABLE or any(map(any, both))}
    wells = {name: Well(0, [0] * len(shown), [0] * len(shown)) for name in with_frames}
    for number, name in enumerate(names.tolist()):
        raised, unknown = ([both[side][number] for both in shown.values()] for side in (0, 1))
        wells[name] = Well(sizes[number], raised, unknown)
    counts = [_count(flag, names.tolist(), *both) for flag, both in shown.items()]
    return PlateMap(list(shown), dict(sorted(wells.items())), counts)


def _flags(rows: Rows) -> Iterator[tuple[str, NDArray[np.int8]]]:
    """Each flag, as Rows has it: first `not usable`, last what is odd about masks, which is in capitals."""
    usable = rows.flags(USABLE)
    yield NOT_USABLE, np.where(usable == UNKNOWN, usable, 1 - usable)
    for name in FLAGS:
        if name in rows.columns:
            yield name, rows.flags(name)
    reasons = [text.split("|") if text else [] for text in rows.texts(REASONS)]
    for name in sorted({name for found in reasons for name in found if name.isupper()}):
        yield name, np.array([name in found for found in reasons], np.int8)


def _by_well(chosen: NDArray[np.bool_], codes: NDArray[np.intp], count: int) -> list[int]:
    """How many of the chosen rows each of `count` wells has."""
    counts: list[int] = np.bincount(codes[chosen], minlength=count).tolist()
    return counts


def _count(flag: str, wells: list[str], raised: list[int], unknown: list[int]) -> FlagCount:
    named = [well for well, count in zip(wells, raised, strict=True) if count]
    more = f" and {len(named) - _WELLS_NAMED} more" if len(named) > _WELLS_NAMED else ""
    return FlagCount(flag, sum(raised), sum(unknown), ", ".join(named[:_WELLS_NAMED]) + more)
