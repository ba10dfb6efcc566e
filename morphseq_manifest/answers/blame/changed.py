"""What of that which a row depends on is not as it was at an earlier moment."""

from collections.abc import Iterator, Sequence
from typing import Any

from morphseq_manifest.answers.blame.facts import ADOPTED, Fact

# What settings choose.
_CHOSEN = {"model", "file"}


def changes(old: Sequence[Fact], new: Sequence[Fact]) -> Iterator[tuple[Fact, Any]]:
    """What of the facts is new or has another value, with the value that it had; part by part.

    A model that only one of both has came or went with the setting that names it, which is what has changed; and so it
    is with all of a stage whose results were taken over at one of both.
    """
    before, after = _by_stage(old), _by_stage(new)
    taken = {stage for stage, kind, _ in before.keys() ^ after.keys() if kind == ADOPTED}
    merged: dict[str, tuple[Fact, Any]] = {}
    for key in dict.fromkeys([*after, *before]):
        was, now = before.get(key), after.get(key)
        is_in_one = was is None or now is None
        if is_in_one and key[1] != ADOPTED and (key[1] in _CHOSEN or key[0] in taken):
            continue
        for fact, value in _differing(key[0], was, now):
            same = repr((fact.kind, fact.name, fact.value, value))
            first = merged.get(same, (fact, value))[0]
            stages = tuple(dict.fromkeys([*first.stages, *fact.stages]))
            merged[same] = first._replace(stages=stages), value
    yield from merged.values()


def _by_stage(facts_: Sequence[Fact]) -> dict[tuple[str, str, str], Fact]:
    return {(stage, fact.kind, fact.name): fact for fact in facts_ for stage in fact.stages}


def _differing(stage: str, was: Fact | None, now: Fact | None) -> Iterator[tuple[Fact, Any]]:
    there = now or was
    assert there
    if not there.parts:
        value = now.value if now else None
        if (was.value if was else None) != value:
            yield there._replace(stages=(stage,), value=value), was.value if was else None
        return
    picks = {**(was.parts if was else {}), **(now.parts if now else {})}
    for part, pick in picks.items():
        before, after = (fact.value.get(part) if fact else None for fact in (was, now))
        if before != after:
            name = f"{part} {there.name}" if there.kind.endswith("row") else part
            yield Fact((stage,), there.kind.removesuffix("s"), name, after, there.path, pick), before
