"""YAML that is plainly names with numbers and words, in blocks: read without a YAML parser, which takes long to start.

Anything out of this form is left to the parser. A test holds both against each other.
"""

import re
from typing import Any

# A word that is plainly a text.
WORD = r"(?!(?i:true|false|yes|no|on|off|null|y|n)\b)[A-Za-z_][\w.-]*"
_NAME = rf"({WORD})|'([\w.-]+)'|\"([\w.-]+)\""
_INTEGER, _FLOAT = r"-?(?:0|[1-9]\d{0,15})", r"-?(?:0|[1-9]\d{0,8})\.\d{1,12}"
# The indentation; the name, in quotes or not; the value, a number or a word that is plainly a text.
_LINE = re.compile(rf"( *)(?:{_NAME}):(?: (({_INTEGER})|({_FLOAT})|{WORD}))?")


def load(text: str) -> dict[str, Any] | None:
    """What a text says, if it is in the plain form; else None."""
    root: dict[str, Any] = {}
    # The blocks that the last line is in, with the columns in which their entries begin; None for one without any yet.
    blocks: list[tuple[int | None, dict[str, Any]]] = [(None, root)]
    for line in text.split("\n"):
        rest = line.lstrip(" ")
        if not rest or rest.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or not _enter(blocks, len(match[1])):
            return None
        _, entries = blocks[-1]
        name = match[2] or match[3] or match[4]
        if name in entries:
            return None
        if match[5] is not None:
            entries[name] = _value(match)
        else:
            entries[name] = {}
            blocks.append((None, entries[name]))
    return root if root and blocks[-1][0] is not None else None


def _enter(blocks: list[tuple[int | None, dict[str, Any]]], column: int) -> bool:
    """Go to the block whose entries begin in this column; whether there is one."""
    first, entries = blocks[-1]
    if first is None:
        outer = blocks[-2][0] if len(blocks) > 1 else -1
        blocks[-1] = (column, entries)
        return outer is not None and column > outer
    while blocks and blocks[-1][0] is not None and blocks[-1][0] > column:
        blocks.pop()
    return bool(blocks) and blocks[-1][0] == column


def _value(match: re.Match[str]) -> int | float | str:
    return int(match[6]) if match[6] else float(match[7]) if match[7] else match[5]
