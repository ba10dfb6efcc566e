"""Blocks of a text in which entries stand one below the other, merged entry by entry, and all around them by lines.

An entry has the comments above it, as the editor of experiments has it, and those below it that stand deeper.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.base import conflicts, git, merging
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.merging import Settle, Sides


class Span(NamedTuple):
    """An entry: its name, its first and last line, from 0, and the column that it begins in."""

    name: str
    first: int
    last: int
    column: int


class Block(NamedTuple):
    """A block: the lines from `first` up to `end`, and the text of each entry by name."""

    first: int
    end: int
    entries: dict[str, str]


def lines_of(text: str) -> list[str]:
    """The lines with their ends, as YAML counts them."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def comment_column(line: str) -> int | None:
    """Where the comment of a line that is nothing else begins."""
    rest = line.lstrip(" ")
    return len(line) - len(rest) if rest.startswith("#") else None


def block(lines: Sequence[str], spans: Sequence[Span]) -> Block:
    """The block of these entries, of which there is one at least."""
    ends = [_end(lines, span, later) for span, later in zip(spans, [*spans[1:], None], strict=True)]
    starts = [_above(lines, spans[0]), *ends[:-1]]
    texts = {span.name: "".join(lines[start:end]) for span, start, end in zip(spans, starts, ends, strict=True)}
    return Block(starts[0], ends[-1], texts)


def _above(lines: Sequence[str], span: Span) -> int:
    """The first line of the comments right above the first entry."""
    start = span.first
    while start and comment_column(lines[start - 1]) == span.column:
        start -= 1
    return start


def _end(lines: Sequence[str], span: Span, later: Span | None) -> int:
    """The line after an entry and what stands deeper below it; all else up to the next one is above that."""
    end = last = span.last + 1
    while end < (later.first if later else len(lines)):
        column = comment_column(lines[end])
        if (column is None and lines[end].strip()) or (column is not None and column <= span.column):
            break
        end += 1
        last = end if column is not None or later else last
    return last


class Part(NamedTuple):
    """A block in three texts; `settle` as merging.merge has it; `rank` as merging.placed has it."""

    title: str
    sides: tuple[Block, Block, Block]
    settle: Settle[str]
    rank: Callable[[str], tuple[str, str]]


class MergedBlocks(NamedTuple):
    """A merged text, the names of entries in conflict by block, and how many conflicts are left around the blocks."""

    text: str
    conflicts: dict[str, list[str]]
    around: int


def merge(root: Path, texts: Sequence[str], parts: Sequence[Part], size: int) -> MergedBlocks:
    """Three texts, base, ours, theirs, with the `parts` in them merged; conflicts are marked.

    Raises ContentError if all around the blocks is merged so that they can't be put in again.
    """
    marks = [f"# {os.urandom(16).hex()}\n" for _ in parts]
    around = [_without(text, [part.sides[side] for part in parts], marks) for side, text in enumerate(texts)]
    data, left = git.merge_lines(root, [text.encode() for text in around], size)
    text, found = data.decode(), {}
    for part, mark in zip(parts, marks, strict=True):
        if text.count(mark) != 1:
            raise ContentError(f"both sides have moved {part.title}")
        merged = merging.merge([side.entries for side in part.sides], part.settle)
        order = merging.placed(merged, part.sides[1].entries, part.rank)
        lines = _with_comments({name: _text(merged[name], size) for name in order}, part.sides)
        text = text.replace(mark, lines)
        found[part.title] = [name for name in order if not isinstance(merged[name], str)]
    return MergedBlocks(text, found, left)


def _with_comments(merged: Mapping[str, str], sides: Sequence[Block]) -> str:
    """The lines of the entries; comments that stood above one that is out stay, unless a side took them out too."""
    base, *others = ({line for entry in side.entries.values() for line in _split(entry)[0]} for side in sides)
    wanted = {line for line in set.intersection(*others) | (set.union(*others) - base) if line.strip()}
    missing = wanted - {line for entry in merged.values() for line in lines_of(entry)}
    above: dict[str | None, list[str]] = {}
    for side in sides[1:]:
        following = None
        for name in reversed(side.entries):
            following = name if name in merged else following
            if lines := [line for line in _split(side.entries[name])[0] if line in missing]:
                missing -= {*lines}
                above[following] = lines + above.get(following, [])
    placed = [*(line for name, entry in merged.items() for line in [*above.get(name, []), entry]), *above.get(None, [])]
    return "".join(placed)


def _text(entry: str | Sides[str], size: int) -> str:
    return entry if isinstance(entry, str) else conflicts.marked(entry.ours or "", entry.theirs or "", size)


def _without(text: str, blocks: Sequence[Block], marks: Sequence[str]) -> str:
    """A text with a mark in the place of each block."""
    lines = lines_of(text)
    for found, mark in sorted(zip(blocks, marks, strict=True), key=lambda pair: -pair[0].first):
        lines[found.first : found.end] = [mark]
    return "".join(lines)


def settle_texts(root: Path, meant: Sequence[Mapping[str, object]]) -> Settle[str]:
    """How entries are settled of which both sides have changed the text; `meant` is what they mean on either side.

    If both mean something new, they are in conflict; what one has taken out, and the other only written otherwise, is
    out. Else it is the text that is merged, by lines; of the comments above it, no side's is left out.
    """

    def settle(name: str, sides: Sides[str]) -> str | Sides[str] | None:
        base, ours, theirs = (side.get(name) for side in meant)
        if ours != theirs and base not in (ours, theirs):
            return sides
        if sides.ours is None or sides.theirs is None:
            return None
        (base_above, *_), (ours_above, *_), (theirs_above, *_) = split = [_split(text or "") for text in sides]
        above = [line for line in ours_above if line in theirs_above or line not in base_above]
        above += [line for line in theirs_above if line not in base_above + ours_above]
        data, left = git.merge_lines(root, [body.encode() for _, body in split])
        return sides if left else "".join(above) + data.decode()

    return settle


def _split(entry: str) -> tuple[list[str], str]:
    """The comments above an entry, with blank lines between, and the rest."""
    lines = lines_of(entry)
    first = next((at for at, line in enumerate(lines) if line.strip() and comment_column(line) is None), len(lines))
    return lines[:first], "".join(lines[first:])
