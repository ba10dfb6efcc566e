"""A change in words: what it is of, what that was, and what it is."""

from collections.abc import Iterator
from typing import Any

from morphseq_manifest.answers.changes import ABSENT, Change

_FILES = {"frame", "stack", "file", "folder", "output", "input"}


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


def _value(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    words = {"size": "{} bytes", "nfiles": "{} files", "md5": "md5 {}", "xxh3_128": "xxh3_128 {}"}
    if not value.keys() <= words.keys():
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return ", ".join(words[key].format(item) for key, item in value.items() if item is not None)
