"""What `morphseq code` shows: the states of the stages' code, what to do about them, and what was recorded."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from morphseq_manifest.answers.code.versions import RECORD, StageState, State
from morphseq_manifest.tracker.dvc.params_file import PARAMS


def rows(states: Iterable[StageState]) -> list[dict[str, Any]]:
    """The states as rows of a table."""
    return [msgspec.structs.asdict(state) | {"changed": ", ".join(state.changed) or None} for state in states]


def title(states: Sequence[StageState]) -> str:
    """How many stages have the recorded code."""
    current = sum(state.state == State.CURRENT for state in states)
    return f"code: {current} of {len(states)} stages as recorded"


def advice(states: Iterable[StageState]) -> list[str]:
    """What to do, a line for each kind of difference."""
    said = {
        State.CHANGED: f"raise the version in {PARAMS} if results can differ; then, or if they can't,",
        State.BUMPED: "will run again; record the code it runs with",
        State.UNRECORDED: "record the code with",
    }
    named = {kind: " ".join(state.stage for state in states if state.state == kind) for kind in said}
    return [f"{kind}: {said[kind]} `morphseq code accept {names}`" for kind, names in named.items() if names]


def accepted(states: Sequence[StageState]) -> list[str]:
    """What `accept` recorded, a line a stage."""
    return [_accepted(state) for state in states] or [f"{RECORD}: nothing to record, all code is as recorded"]


def _accepted(state: StageState) -> str:
    if state.state == State.CHANGED:
        changed = ", ".join(state.changed)
        return f"{state.stage}: version {state.version} now stands for the changed code too, same results ({changed})"
    before = "" if state.recorded is None else f", after {state.recorded}"
    return f"{state.stage}: version {state.version} recorded{before}"
