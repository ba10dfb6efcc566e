"""Which experiments a command is about: those named, or later than a day."""

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.tracker.dvc.params_file import PARAMS

_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)(?!\d)")


class Selection(NamedTuple):
    """The experiments chosen, in the order of the list, and those that could not be since their ids have no date."""

    chosen: list[str]
    undated: list[str]


def named(texts: Iterable[str], listed: Iterable[str]) -> list[str]:
    """The experiments named in `texts`, each `a` or `a,b`.

    Raises ConfigError for one that is not listed, and if there are texts, but none names any: an empty variable of a
    shell does not stand for all of them.
    """
    known, given = list(listed), list(texts)
    chosen = [name for text in given for name in text.split(",") if name]
    if given and not chosen:
        raise ConfigError(f"no experiment is named: got {given[0]!r}. To mean all of them, name none")
    for name in chosen:
        if name not in known:
            raise ConfigError(f"experiment {name!r} is not listed in {PARAMS}{suggest(name, known)}")
    return chosen


def select(listed: Iterable[str], texts: Iterable[str] = (), later_than: str | None = None) -> Selection:
    """Of the `listed` experiments, those named in `texts` (all if none) whose date is after `later_than` (YYYYMMDD).

    Raises ConfigError for an experiment that is not listed, and for what is not a day.
    """
    known = list(listed)
    wanted = set(named(texts, known) or known)
    chosen = [name for name in known if name in wanted]
    if later_than is None:
        return Selection(chosen, [])
    after = _day(later_than)
    if after is None or len(later_than) != 8:
        raise ConfigError(f"--later-than: {later_than!r} is not a day; expected one like 20240418")
    days = {name: _day(name) for name in chosen}
    later = [name for name, day in days.items() if day is not None and day > after]
    return Selection(later, [name for name, day in days.items() if day is None])


def _day(name: str) -> date | None:
    """The day at the beginning of an id; None if there is none."""
    match = _DAY.match(name)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
