"""The state of every stage: DVC's verdict, what failed, and what waits for an earlier stage."""

from collections.abc import Mapping

import msgspec

from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.tracker.dvc.graph import Graph
from morphseq_manifest.tracker.dvc.lock_reading import Lock
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness.verdict import Verdict


class State(Outcome):
    """How a stage stands."""

    UP_TO_DATE = "up to date", "everything is as recorded, and so is all before it", "green"
    OUT_OF_DATE = (
        "out of date",
        "an input, a setting, its command or an output is not as recorded: DVC would run it",
        "yellow",
    )
    BEHIND = (
        "behind",
        "it is as recorded itself, but a step before it is not: it runs if that one makes something else",
        "cyan",
    )
    MISSING = "missing", "it has never run, or an output is not there", "magenta"
    FAILED = "failed", "it has not finished; with the message", "red"
    UNREADABLE = (
        "unreadable",
        "something can't be read: it is never taken to be up to date, and unrelated steps are not affected",
        "bright_red",
    )

    @property
    def symbol(self) -> str:
        """One character that stands for it on a terminal."""
        return _SYMBOLS[self]


_SYMBOLS = {
    State.UP_TO_DATE: "✓", State.BEHIND: "↻", State.OUT_OF_DATE: "✗",
    State.MISSING: "·", State.FAILED: "!", State.UNREADABLE: "?",
}  # fmt: skip


class Step(msgspec.Struct, frozen=True):
    """A stage: its state, DVC's verdict on it, how many of its outputs are as recorded, and why it failed.

    `has_run`: whether it is recorded, by whomever; in a fresh clone its outputs may not be there.
    """

    stage: str
    state: State
    verdict: Verdict
    made: int
    outs: int
    failure: str | None = None
    has_run: bool = True

    @property
    def is_up_to_date(self) -> bool:
        """Whether it would not run."""
        return self.state == State.UP_TO_DATE

    @property
    def why(self) -> str:
        """In a few words, why it is not up to date."""
        if self.verdict.troubles:
            return self.verdict.troubles[0]
        return self.failure.splitlines()[0] if self.failure else self.verdict.brief()


def steps(graph: Graph, verdicts: Mapping[str, Verdict], lock: Lock, failures: Mapping[str, str]) -> dict[str, Step]:
    """The state of each stage that has a verdict, an earlier stage before a later one.

    A stage that there is no verdict on is taken to be up to date.
    """
    states: dict[str, Step] = {}
    for name, verdict in verdicts.items():
        stage = graph.stages[name]
        waits = any(earlier in states and not states[earlier].is_up_to_date for earlier in graph.before[name])
        state = _state(stage, verdict, name in lock, waits, name in failures)
        failure = failures.get(name) if state == State.FAILED else None
        made = len(stage.outs) - len(verdict.outs) if name in lock else 0
        states[name] = Step(name, state, verdict, made, len(stage.outs), failure, name in lock)
    return states


def _state(stage: Stage, verdict: Verdict, has_run: bool, waits: bool, has_failed: bool) -> State:
    if verdict.troubles:
        return State.UNREADABLE
    if not verdict and not waits:
        return State.UP_TO_DATE
    if has_failed:
        return State.FAILED
    if not has_run or "deleted" in verdict.outs.values():
        return State.MISSING
    return State.OUT_OF_DATE if verdict else State.BEHIND
