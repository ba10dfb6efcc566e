"""The experiments in the text of a params.yaml: added, removed or renamed there, all else as it is, to the byte.

Lines are put in or taken out, and an id is replaced; nothing is written anew. What comes of it is read again: an edit
that would say anything else than it should is refused.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from morphseq_manifest.base import text_blocks
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.text_blocks import Block, Span, comment_column, lines_of
from morphseq_manifest.tracker.dvc import params_file
from morphseq_manifest.tracker.dvc.params_file import PARAMS

_KEY = "experiments"
# What stands for no experiments.
_NONE = re.compile(r"^(experiments[ \t]*:)[ \t]+(?:\{[ \t]*\}|null|~)(?=[ \t]*(?:[ \t]#.*)?\r?$)", re.MULTILINE)
# What YAML takes for the end of a line, and editors don't: an old Mac's, and two of Unicode's.
_ODD_LINE_END = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_COMMENT = re.compile(r"(?:^|[ \t])(#.*?)\r?$", re.MULTILINE)
_BLOCK = re.compile(r"^(experiments[ \t]*:)", re.MULTILINE)


class _Entry(NamedTuple):
    """An experiment: its id, the lines that it stands in, the columns of its id, and that of what is said of it."""

    name: str
    first: int
    last: int
    column: int
    end_column: int
    inner: int


def added(text: str, segmenters: Mapping[str, str], path: Path = PARAMS) -> str:
    """The text with these experiments too, each before the first one whose id comes after it.

    `segmenters` by id; `path` is for messages. Raises ConfigError if the experiments can't be edited as they stand.
    """
    wanted = read(text, path) | {name: {"segmenter": kind} for name, kind in segmenters.items()}
    changed = opened(text)
    entries, lines = _entries(changed, path), lines_of(changed)
    column, inner = (entries[0].column, entries[0].inner) if entries else (2, 4)
    ending = "\r\n" if "\r\n" in text else "\n"
    own: dict[int, list[str]] = {}
    key_line = _key_line(changed, path)
    for name in sorted(segmenters):
        said = [f'{" " * column}"{name}":{ending}', f"{' ' * inner}segmenter: {_value(segmenters[name])}{ending}"]
        own.setdefault(_place(entries, lines, name, key_line), []).extend(said)
    for at in sorted(own, reverse=True):
        _insert(lines, at, own[at])
    return _checked("".join(lines), text, wanted, path)


def removed(text: str, names: Collection[str], path: Path = PARAMS) -> str:
    """The text without these experiments; comments above and below one stay. Raises as `added` does."""
    listed = read(text, path)
    wanted = {name: said for name, said in listed.items() if name not in names}
    if wanted == listed:
        return text
    lines = lines_of(text)
    for entry in reversed(_entries(text, path)):
        if entry.name in names:
            del lines[entry.first : entry.last + 1]
    changed = "".join(lines)
    return _checked(changed if wanted else closed(changed), text, wanted, path)


def comments(text: str, names: Collection[str], path: Path = PARAMS) -> list[str]:
    """The comments within the lines of these experiments, which go with them. Raises as `added` does."""
    lines = lines_of(text)
    own = [lines[entry.first : entry.last + 1] for entry in _entries(text, path) if entry.name in names]
    return [match[1] for part in own for line in part if (match := _COMMENT.search(line))]


def renamed(text: str, old: str, new: str, path: Path = PARAMS) -> str:
    """The text with the id `new` in the place of `old`, moved to where it belongs if its neighbours say so.

    Raises as `added` does.
    """
    listed = read(text, path)
    wanted = {new if name == old else name: said for name, said in listed.items()}
    entries, lines = _entries(text, path), lines_of(text)
    at = next(number for number, entry in enumerate(entries) if entry.name == old)
    entry = entries[at]
    first = lines[entry.first]
    lines[entry.first] = f'{first[: entry.column]}"{new}"{first[entry.end_column :]}'
    before, after = (entries[at - 1 : at], entries[at + 1 : at + 2]) if at else ([], entries[1:2])
    if not all(other.name < new for other in before) or not all(other.name > new for other in after):
        own = lines[entry.first : entry.last + 1]
        del lines[entry.first : entry.last + 1]
        rest = "".join(lines)
        _insert(lines, _place(_entries(rest, path), lines, new, _key_line(rest, path)), own)
    return _checked("".join(lines), text, wanted, path)


def block(text: str, path: Path = PARAMS) -> Block:
    """The lines of the experiments, for merging; those of none come right after the key. Raises as `added` does."""
    spans = [Span(entry.name, entry.first, entry.last, entry.column) for entry in _entries(text, path)]
    first = _key_line(text, path) + 1
    return text_blocks.block(lines_of(text), spans) if spans else Block(first, first, {})


def opened(text: str) -> str:
    """The text with room for experiments below the key, if there are none yet."""
    return _NONE.sub(r"\1", text)


def closed(text: str) -> str:
    """The text of which nothing is left below the key, with what stands for no experiments."""
    return _BLOCK.sub(r"\1 {}", text, count=1)


def _place(entries: list[_Entry], lines: list[str], name: str, key_line: int) -> int:
    """The line at which an experiment belongs: before the first one after it, and before the comments on that."""
    later = next((entry for entry in entries if entry.name > name), None)
    if later:
        at = later.first
        while comment_column(lines[at - 1]) == later.column:
            at -= 1
    elif entries:
        at = entries[-1].last + 1
        while at < len(lines) and (comment_column(lines[at]) or 0) > entries[-1].column:
            at += 1
    else:
        at = key_line + 1
    return at


def _insert(lines: list[str], at: int, own: list[str]) -> None:
    """Put in lines; if the file ends without an end of its last line, it still does."""
    if at == len(lines) and not lines[-1].endswith("\n"):
        lines[-1] += "\r\n" if own[0].endswith("\r\n") else "\n"
        own = [*own[:-1], own[-1].rstrip("\r\n")]
    elif not own[-1].endswith("\n"):
        own = [*own[:-1], own[-1] + "\n"]
    lines[at:at] = own


def _entries(text: str, path: Path) -> list[_Entry]:
    """The experiments with their lines. Raises ConfigError if they don't stand in lines, one below the other."""
    if odd := _ODD_LINE_END.search(text):
        line = text.count("\n", 0, odd.start())
        raise _not_editable(path, line, f"a line ends with {odd[0]!r}: save the file with the line ends of Unix (LF)")
    whole: Any = params_file.compose(text, path)
    block = next(value for key, value in whole.value if key.value == _KEY)
    if block.id == "scalar":
        return []
    if block.flow_style or whole.flow_style:
        raise _not_editable(path, block.start_mark.line, "they stand in braces: write them one below the other")
    found = []
    for key, value in block.value:
        of_block = value.id == "mapping" and not value.flow_style and value.start_mark.line > key.start_mark.line
        inner = value.start_mark.column if of_block else key.start_mark.column + 2
        last = max(key.end_mark.line, _last_line(value))
        found.append(_Entry(key.value, key.start_mark.line, last, key.start_mark.column, key.end_mark.column, inner))
    return found


def _last_line(node: Any) -> int:
    """The last line in which something of a value stands."""
    if node.id == "scalar" or node.flow_style or not node.value:
        mark = node.end_mark
        return int(mark.line) if mark.column else max(int(mark.line) - 1, int(node.start_mark.line))
    last = node.value[-1]
    return max(_last_line(part) for part in (last if isinstance(last, tuple) else (last,)))


def _key_line(text: str, path: Path) -> int:
    key = next(key for key, _ in params_file.compose(text, path).value if key.value == _KEY)
    return int(key.start_mark.line)


def read(text: str, path: Path) -> dict[str, Any]:
    """What is said of each experiment. Raises ConfigError if there is no list."""
    values = params_file.parse(text, path)
    listed = values.get(_KEY)
    if _KEY not in values or not isinstance(listed, dict | None):
        raise ConfigError(f"{path}: expected a mapping `{_KEY}:`. Put it there")
    return listed or {}


def _value(text: str) -> str:
    """A text as a value: in quotes if it would be a number or so without."""
    return text if params_file.parse(f"x: {text}") == {"x": text} else f'"{text}"'


def _checked(changed: str, text: str, wanted: dict[str, Any], path: Path) -> str:
    """The changed text, if it says of the experiments what is wanted, and of all else what it said."""
    try:
        values = params_file.parse(changed, path)
    except ConfigError as error:
        raise _not_editable(path, None, "others refer to what is said of one") from error
    if values != params_file.parse(text, path) | {_KEY: wanted}:
        raise _not_editable(path, None, "they are written in a way that is not known here")
    return changed


def _not_editable(path: Path, line: int | None, why: str) -> ConfigError:
    where = "" if line is None else f", line {line + 1}"
    return ConfigError(f"{path}{where}: the experiments can't be edited: {why}. Edit them by hand; nothing was changed")
