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
    starts = [_start(lines, span, before) for before, span in zip([None, *spans], spans, strict=False)]
    end = spans[-1].last + 1
    while end < len(lines) and (comment_column(lines[end]) or 0) > spans[-1].column:
        end += 1
    ends = [*starts[1:], end]
    texts = {span.name: "".join(lines[start:stop]) for span, start, stop in zip(spans, starts, ends, strict=True)}
    return Block(starts[0], end, texts)


def _start(lines: Sequence[str], span: Span, before: Span | None) -> int:
    """The first line of an entry: that of the comments right above it."""
    start, least = span.first, before.last + 1 if before else 0
    while start > least and comment_column(lines[start - 1]) == span.column:
        start -= 1
    return start


class Part(NamedTuple):
    """A block in three texts; `settle` as merging.merge has it; `rank` of a name puts what theirs adds in its place."""

    title: str
    sides: tuple[Block, Block, Block]
    settle: Settle[str]
    rank: Callable[[str], str] = str


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
        text = text.replace(mark, "".join(_text(merged[name], size) for name in order))
        found[part.title] = [name for name in order if not isinstance(merged[name], str)]
    return MergedBlocks(text, found, left)


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
    """The comments above an entry, and the rest."""
    lines = lines_of(entry)
    first = next((number for number, line in enumerate(lines) if comment_column(line) is None), len(lines))
    return lines[:first], "".join(lines[first:])
