"""Two sides' dvc.yaml, merged by lines, and the dependencies of stages one by one.

A stage that works for all has a dependency for each of them, a line each. If each side adds one in
the same place, or beside one that the other takes out, they are in conflict to git.
"""

import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from morphseq_manifest.base import text_blocks, yaml_text
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.merging import Merged
from morphseq_manifest.base.text_blocks import Block, Part, Span
from morphseq_manifest.base.yaml_text import NotYamlError
from morphseq_manifest.tracker.dvc import definition


def merged(root: Path, base: str, ours: str, theirs: str, name: str, size: int) -> Merged:
    """The merged dvc.yaml; marks of conflicts are so many characters long, `name` is for messages.

    Raises ConfigError for a text that is no pipeline, ContentError as text_blocks.merge does.
    """
    texts = {"base": base, "ours": ours, "theirs": theirs}
    sides = [_dependencies(text, f"{name} ({side})") for side, text in texts.items()]
    shared = [stage for stage in sides[1] if all(stage in side for side in sides)]
    parts = [part for stage in shared if (part := _part(root, stage, [side[stage] for side in sides]))]
    found = text_blocks.merge(root, [base, ours, theirs], parts, size)
    conflicts = [f"{title}, {entry}" for title, entries in found.conflicts.items() for entry in entries]
    conflicts += [f"{found.around} other change{'s' * (found.around > 1)}"] if found.around else []
    if not conflicts:
        definition.parse(found.text.encode(), f"{name} (merged by lines)")
    return Merged(found.text, conflicts)


def _part(root: Path, stage: str, sides: Sequence[Block]) -> Part | None:
    """The dependencies of a stage, to be merged one by one; None if that is left to git."""
    base, ours, theirs = sides
    names = [set(side.entries) for side in sides]
    if _is_replaced(names):
        return None
    settle = text_blocks.settle_texts(root, [dict.fromkeys(side, True) for side in names])
    return Part(
        f"the deps of {stage}", (base, ours, theirs), settle, lambda name: (_family(name), posixpath.splitext(name)[0])
    )


def _is_replaced(names: Sequence[set[str]]) -> bool:
    """Whether a dependency that is the only one of its kind has become another on either side."""
    for family in set.intersection(*({_family(name) for name in side} for side in names)):
        members = [[name for name in side if _family(name) == family] for side in names]
        if all(len(side) == 1 for side in members) and len({side[0] for side in members}) == len(members):
            return True
    return False


def _family(path: str) -> str:
    """The folder and the suffix of a dependency, which those of one kind have in common."""
    return posixpath.join(posixpath.dirname(path), posixpath.splitext(path)[1])


def _dependencies(text: str, name: str) -> dict[str, Block]:
    """The dependencies of each stage that has some, each in a line of its own."""
    definition.parse(text.encode(), name)
    try:
        whole = yaml_text.compose(text)
    except NotYamlError as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from error
    lines = text_blocks.lines_of(text)
    found = {}
    for stage, entry in _items(_value(whole, "stages")):
        spans = _spans(_value(entry, "deps"))
        if spans:
            found[stage] = text_blocks.block(lines, spans)
    return found


def _spans(deps: Any) -> list[Span]:
    """The places of dependencies; none if they don't stand one below the other, or one twice."""
    if deps is None or deps.id != "sequence" or deps.flow_style:
        return []
    items: list[Any] = deps.value
    plain = all(item.id == "scalar" and item.start_mark.line == item.end_mark.line for item in items)
    names = {item.value for item in items} if plain else set()
    column = deps.start_mark.column
    lines = {item.start_mark.line for item in items}
    if not len(items) == len(names) == len(lines):
        return []
    return [Span(item.value, item.start_mark.line, item.start_mark.line, column) for item in items]


def _items(node: Any) -> list[tuple[str, Any]]:
    """What stands in a mapping, by name."""
    pairs: list[tuple[Any, Any]] = node.value if node is not None and node.id == "mapping" else []
    return [(str(key.value), value) for key, value in pairs]


def _value(node: Any, name: str) -> Any:
    return dict(_items(node)).get(name)
