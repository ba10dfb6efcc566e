"""Why each stage that is not up to date would run: what changed for itself, or for the first of those before it."""

from collections.abc import Mapping

import msgspec

from morphseq_manifest.answers.changes import Change
from morphseq_manifest.answers.why import words
from morphseq_manifest.answers.why.causes import Causes
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.freshness.steps import Step

_SHOWN = 6


class Cause(msgspec.Struct, frozen=True):
    """What has changed, in words, and what it was and is."""

    told: str
    values: list[tuple[str, str]] = []


class Why(msgspec.Struct, frozen=True):
    """Why a stage would run: `own` changes, or, by name, those of the stages before it that have some of their own.

    `more` says of how many of either nothing is said here.
    """

    own: list[Cause]
    before: dict[str, list[Cause]]
    more: int


def of_steps(snapshot: CohortSnapshot, workspace: Workspace, steps: Mapping[str, Step]) -> dict[str, Why]:
    """Why each of these steps, given in DVC's order, would run; of those that would not, nothing."""
    causes = Causes(snapshot, workspace, dict(steps))
    late = [name for name, step in steps.items() if not step.is_up_to_date]
    own = {name: causes.of(name) for name in late}
    roots: dict[str, dict[str, None]] = {}
    for name in late:
        earlier = [one for one in snapshot.graph.before[name] if one in roots]
        found = {root: None for one in earlier for root in ([one] if own[one] else roots[one])}
        roots[name] = found
    return {name: _why(own[name], {} if own[name] else {root: own[root] for root in roots[name]}) for name in late}


def _why(own: list[Change], before: dict[str, list[Change]]) -> Why:
    shown = dict(list(before.items())[:_SHOWN])
    kept = {name: changes[:_SHOWN] for name, changes in shown.items()}
    more = sum(map(len, before.values())) - sum(map(len, kept.values())) + max(len(own) - _SHOWN, 0)
    return Why(
        own=[_cause(change) for change in own[:_SHOWN]],
        before={name: [_cause(change) for change in changes] for name, changes in kept.items()},
        more=more,
    )


def _cause(change: Change) -> Cause:
    return Cause(words.describe(change), list(words.was_and_is(change)))
