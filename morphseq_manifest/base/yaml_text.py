"""YAML from anybody: bounded in size, depth and expansion before anything is made of it.

Loading nests as deep as the text does, and what an alias stands for may stand for ten times itself: a few lines could
take all memory, or end the interpreter. So the parser's events, which come one by one, are counted first.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def load(text: str) -> Any:
    """What a text says, as plain values. Raises NotYamlError."""
    from ruamel.yaml import YAML

    return _guarded(text, lambda: YAML(typ="safe").load(text))


def compose(text: str) -> "Node | None":
    """A text as nodes, which know their lines; None for an empty one. Raises NotYamlError."""
    from ruamel.yaml import YAML

    node: Node | None = _guarded(text, lambda: YAML(typ="safe").compose(text))
    return node


def _guarded(text: str, make: Any) -> Any:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text) > MOST_BYTES:
        raise NotYamlError(f"{len(text)} characters; at most {MOST_BYTES} are read")
    try:
        _count(text)
        return make()
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise NotYamlError(str(error.problem), mark.line + 1 if mark else None) from error
    except (YAMLError, ValueError, OverflowError, TypeError) as error:
        raise NotYamlError(str(error)) from error


def _count(text: str) -> None:
    """Raise NotYamlError for what is too deep, stands for too much, or stands within itself."""
    from ruamel.yaml import YAML
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    total = 0
    for event in YAML(typ="safe").parse(text):
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
