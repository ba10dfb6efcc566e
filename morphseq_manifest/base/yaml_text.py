"""YAML from anybody: bounded in size, depth and expansion before anything is made of it.

Loading nests as deep as the text does, and what an alias stands for may stand for ten times itself: a few lines could
take all memory, or end the interpreter. So the parser's events, which come one by one, are counted first.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import Node

MOST_BYTES = 64 << 20
DEEPEST = 100
MOST_VALUES = 5_000_000


class NotYamlError(Exception):
    """What is wrong with a text, and `line`, from 1, if it is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(" ".join(reason.split()))
        self.line = line

    @property
    def where(self) -> str:
        """The line, as it follows a file's name in a message."""
        return f", line {self.line}" if self.line else ""


def new(kind: str = "rt") -> "YAML":
    """What reads and writes YAML, `safe` for plain values; it looks for no plug-ins, which takes long."""
    return _without_plug_ins()(typ=kind)


@cache
def _without_plug_ins() -> "type[YAML]":
    from ruamel.yaml import YAML

    class Plain(YAML):
        def official_plug_ins(self) -> list[str]:
            return []

    return Plain


def load(text: str, *, is_counted: bool = False) -> Any:
    """What a text says, as plain values; `is_counted`: it has been composed before. Raises NotYamlError."""
    return _guarded(text, lambda: new("safe").load(text), is_counted=is_counted)


def load_with_comments(text: str) -> Any:
    """The same as values that know their comments, to be written again. Raises NotYamlError."""
    return _guarded(text, lambda: new().load(text))


def compose(text: str) -> "Node | None":
    """A text as nodes, which know their lines; None for an empty one. Raises NotYamlError."""
    node: Node | None = _guarded(text, lambda: new("safe").compose(text))
    return node


def _guarded(text: str, make: Any, *, is_counted: bool = False) -> Any:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text) > MOST_BYTES:
        raise NotYamlError(f"{len(text)} characters; at most {MOST_BYTES} are read")
    try:
        if not is_counted:
            _count(text)
        return make()
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise NotYamlError(str(error.problem), mark.line + 1 if mark else None) from error
    except (YAMLError, ValueError, OverflowError, TypeError) as error:
        raise NotYamlError(str(error)) from error


def _count(text: str) -> None:
    """Raise NotYamlError for what is too deep, stands for too much, or stands within itself."""
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    total = 0
    for event in new("safe").parse(text):
        line = event.start_mark.line + 1
        if isinstance(event, CollectionStartEvent):
            open_.append((event.anchor, total))
            if len(open_) > DEEPEST:
                raise NotYamlError(f"nested more than {DEEPEST} deep", line)
        elif isinstance(event, CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor:
                sizes[anchor] = total - before
        elif isinstance(event, AliasEvent):
            if event.anchor in {anchor for anchor, _ in open_}:
                raise NotYamlError(f"*{event.anchor} stands within itself", line)
            total += sizes.get(event.anchor, 0)
        elif isinstance(event, ScalarEvent) and event.anchor:
            sizes[event.anchor] = 1
        total += 1
        if total > MOST_VALUES:
            raise NotYamlError(f"stands for more than {MOST_VALUES} values", line)
