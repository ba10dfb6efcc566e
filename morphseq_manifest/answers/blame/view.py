"""What `morphseq blame` shows."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from morphseq_manifest.answers.blame.cause import Cause
from morphseq_manifest.answers.blame.facts import ADOPTED
from morphseq_manifest.answers.blame.report import Blame
from morphseq_manifest.base import display
from morphseq_manifest.cohort.manifests import adopted_manifest

SCHEMA = "morphseq/blame/1"
# What says most of a row comes first.
_KINDS = ("frame", "frames", "plate row", "plate rows", "well row", "plate", "model", "file", "adopted", "version")
_HASHED = {"frame", "model", "file", "adopted"}
# Those of other rows, which are too many to be told.
_MANY = {"frames", "plate rows"}
_HASH = 8
_SHOWN = 3
_OLDER = "(or an older commit, which this shallow clone lacks)"
_Row = dict[str, Any]


def show(blame: Blame, as_json: bool, verbose: bool = False) -> None:
    """Print what a row depends on; `verbose`: each thing in a line of its own."""
    if as_json:
        display.show_json(SCHEMA, {**msgspec.structs.asdict(blame), "exit_code": int(blame.exit_code)})
        return
    places = {stage: place for place, stage in enumerate(dict.fromkeys(cause.stages[0] for cause in blame.causes))}
    ordered = sorted(blame.causes, key=lambda cause: (places[cause.stages[0]], _kind_place(cause)))
    if blame.since is None:
        groups = [[cause] for cause in ordered] if verbose else _grouped(ordered)
        display.show_table([_row(blame, group) for group in groups], _title(blame))
    elif ordered:
        display.show_table([_change(blame, cause) for cause in ordered], _title(blame))
    else:
        display.show(_title(blame))
    if waiting := [_waiting(blame, cause) for cause in ordered if cause.later]:
        display.show()
        display.show_table(waiting, "changed since then, and no run has used it yet")
    for told in blame.missing:
        display.show(f"can't be told: {told}")


def _title(blame: Blame) -> str:
    name, tables = f"{blame.id} in {blame.where}", ", ".join(change.name for change in blame.tables)
    if blame.since is None:
        where = f"{blame.row.experiment} is in {tables}" if tables else f"{blame.row.experiment} is in no table"
        return f"{name}: what it is made from, and which commit last changed that; {where}"
    count = display.counted(len(blame.causes), "cause") if blame.causes else "nothing that it is made from has changed"
    rows = f"the rows of {blame.row.experiment} have changed in {tables}" if tables else "no table has other rows of it"
    return f"{name}, since {blame.since[:_HASH]}: {count}; {rows}"


def _kind_place(cause: Cause) -> int:
    return _KINDS.index(cause.kind) if cause.kind in _KINDS else len(_KINDS)


def _grouped(causes: Iterable[Cause]) -> list[list[Cause]]:
    """Those of one kind, for the same stages, that the same commit changed last."""
    groups: dict[Any, list[Cause]] = {}
    for cause in causes:
        groups.setdefault((cause.stages, cause.kind, cause.commit, cause.unknown).__repr__(), []).append(cause)
    return list(groups.values())


def _row(blame: Blame, group: Sequence[Cause]) -> _Row:
    first = group[0]
    said = ", ".join(_said(cause) for cause in group[:_SHOWN])
    more = f", and {len(group) - _SHOWN} more" if len(group) > _SHOWN else ""
    return {
        "stage": ", ".join(first.stages),
        "what": first.kind,
        "which": said + more,
        **_by(blame, first.commit, first.unknown),
    }


def _change(blame: Blame, cause: Cause) -> _Row:
    values = {"was": _value(cause, cause.was), "is": _value(cause, cause.value)}
    who = _by(blame, cause.commit, cause.unknown)
    return {"stage": ", ".join(cause.stages), "what": cause.kind, "which": cause.name, **values, **who}


def _waiting(blame: Blame, cause: Cause) -> _Row:
    assert cause.later
    values = {"used": _value(cause, cause.value), "is now": _value(cause, cause.later.value)}
    who = _by(blame, cause.later.commit, "not committed")
    return {"stage": ", ".join(cause.stages), "what": cause.kind, "which": cause.name, **values, **who}


def _said(cause: Cause) -> str:
    if cause.kind == ADOPTED:
        return f"{cause.name}: not known are {', '.join(adopted_manifest.UNKNOWN[cause.name])}"
    return cause.name if cause.kind in _MANY else f"{cause.name} {_value(cause, cause.value)}"


def _value(cause: Cause, value: Any) -> str:
    """A value as it is shown: hashes short, texts as they stand, in quotes if that is not plain."""
    if value is None:
        return "-"
    if cause.kind in _HASHED:
        return str(value)[:_HASH]
    return str(value) if str(value).strip() else repr(value)


def _by(blame: Blame, commit: str | None, unknown: str) -> _Row:
    """The commit, in columns."""
    if commit is None:
        return {"commit": unknown, "day": None, "author": None, "subject": None}
    known = blame.commits[commit]
    older = f" {_OLDER}" if commit in blame.oldest else ""
    return {"commit": known.id, "day": known.day, "author": known.author, "subject": known.subject + older}
