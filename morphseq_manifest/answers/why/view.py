"""What `morphseq why` shows."""

from collections.abc import Iterator
from typing import Any

import msgspec

from morphseq_manifest.answers.changes import ABSENT, Change
from morphseq_manifest.answers.why.explanation import Cause, Explanation
from morphseq_manifest.base import display
from morphseq_manifest.tracker.freshness.steps import State

SCHEMA = "morphseq/why/1"
_SHOWN = 20
_STAGES = 4


def show(explanation: Explanation, as_json: bool) -> None:
    """Print an explanation."""
    if as_json:
        display.show_json(
            SCHEMA,
            {**msgspec.structs.asdict(explanation), "exit_code": int(explanation.exit_code)},
        )
        return
    display.show(_title(explanation))
    for number, cause in enumerate(explanation.causes[:_SHOWN], 1):
        display.show(f"\n{number}. " + "\n   ".join(_lines(cause)))
    if len(explanation.causes) > _SHOWN:
        display.show(f"\nand {len(explanation.causes) - _SHOWN} more causes: --json has them all")
    if explanation.wells:
        display.show()
    for name, wells in list(explanation.wells.items())[:_SHOWN]:
        display.show(f"{name}: {wells}")
    if explanation.warnings:
        display.show()
        display.show_warnings(explanation.warnings)
    for line in explanation.code.lines():
        display.show(f"\n{line}")


def _title(explanation: Explanation) -> str:
    late = [name for name, state in explanation.states.items() if state != State.UP_TO_DATE]
    if not late:
        return f"{explanation.target} is up to date"
    if len(explanation.states) == 1:
        return f"{explanation.target} is {explanation.states[late[0]]}"
    return f"{explanation.target}: {len(late)} of {len(explanation.states)} stages are not up to date"


def _lines(cause: Cause) -> Iterator[str]:
    yield describe(cause.change)
    yield from (f"  {word:<4} {value}" for word, value in was_and_is(cause.change))
    if len(cause.stages) > 1:
        more = ", ..." if len(cause.stages) > _STAGES else ""
        yield f"  for {len(cause.stages)} stages: {', '.join(cause.stages[:_STAGES])}{more}"
    yield "  " + " -> ".join(cause.way)


def was_and_is(change: Change) -> Iterator[tuple[str, str]]:
    """What a thing `was` and what it `is`, as far as it was or is."""
    if change.kind not in {"stage", "failure", "trouble"}:
        for word, value in (("was", change.old), ("is", change.new)):
            if value is not ABSENT and value != change.name:
                yield word, _value(value)


def describe(change: Change) -> str:
    """A change in a line, without what it was and is."""
    if change.kind == "trouble":
        return f"could not be determined: {change.name}"
    if change.kind == "failure":
        return f"{change.name} failed: {change.new}"
    if change.kind == "stage":
        return f"{change.name} {change.new}"
    if change.kind == "cache":
        return f"output {change.name} is no longer in DVC's cache"
    if change.new is ABSENT:
        return f"{change.kind} {change.name} {'is gone' if change.kind in _FILES else 'removed'}"
    return f"{change.kind} {change.name} {'added' if change.old is ABSENT else 'changed'}"


_FILES = {"frame", "stack", "file", "folder", "output", "input"}


def _value(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    words = {"size": "{} bytes", "nfiles": "{} files", "md5": "md5 {}", "xxh3_128": "xxh3_128 {}"}
    if not value.keys() <= words.keys():
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return ", ".join(words[key].format(item) for key, item in value.items() if item is not None)
