"""What people see: tables, aligned and coloured in a terminal, plain elsewhere; and JSON for programs.

Tables are laid out here, since a general table printer takes longer than everything else that a command does.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import click
import msgspec

from morphseq_manifest.base.outcomes import Outcome

# By what stands for each: what moves the cursor, colours, or turns the order of what follows. Ids, settings and notes
# may come from a stranger. A line may end within a text, and be indented.
_UNSEEN = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for codes in ((0, 9), (11, 32), (127, 160), (0x2028, 0x202F), (0x2066, 0x206A))
    for code in range(*codes)
}
_UNSEEN_IN_JSON = {code: f"\\u{code:04x}" for code in _UNSEEN if code >= 127}

_WARNINGS = 10
# In a terminal, no column of texts is narrower for being wrapped.
_NARROWEST = 16


def visible(text: str) -> str:
    """A text in which nothing acts on a terminal: control characters are shown as `\\x1b`."""
    return text if text.isascii() and text.isprintable() else text.translate(_UNSEEN)


def show(text: str = "") -> None:
    """Print a text, some lines."""
    print(visible(text))


class Cell(NamedTuple):
    """A cell of a table: what is shown, in the style (a colour of the terminal) of `outcome`."""

    text: str
    outcome: Outcome


def show_table(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print a title, and rows under all the keys they have, numbers to the right; ids and hashes stay whole.

    An Outcome, alone or in a Cell, is shown in its style. In a terminal, texts of several words are wrapped so that a
    line fits its width, as far as that can be.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[visible(_text(row.get(name))) for name in columns] for row in rows]
    styles = [[_style(row.get(name)) for name in columns] for row in rows]
    right = [any(isinstance(row.get(name), int | float) for row in rows) for name in columns]
    widths = [max([len(name), *(len(row[index]) for row in cells)]) for index, name in enumerate(columns)]
    lines = _fitted(columns, cells, widths, terminal_width())

    def line(values: Sequence[str]) -> list[str]:
        pairs = zip(values, widths, right, strict=True)
        return [text.rjust(width) if to_right else text.ljust(width) for text, width, to_right in pairs]

    paint = click.style if is_coloured() else _plain
    painted = [paint("  ".join(line(columns)).rstrip(), bold=True)] if columns else []
    for row, colours in zip(lines, styles, strict=True):
        for part in row:
            pairs = zip(line(part), colours, strict=True)
            painted.append("  ".join(paint(cell, fg=colour) if colour else cell for cell, colour in pairs))
    print("\n".join([visible(title), *(text.rstrip() for text in painted)]))


def terminal_width() -> int | None:
    """How many characters are in a line of the terminal that is printed on; None if it is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _fitted(columns: list[str], cells: list[list[str]], widths: list[int], width: int | None) -> list[list[list[str]]]:
    """Each row as lines, and `widths` as they need them, so that they fit the terminal's: texts are wrapped."""
    if width is None or sum(widths) + 2 * (len(widths) - 1) <= width:
        return [[row] for row in cells]
    from textwrap import wrap  # most tables fit

    def narrowest(index: int) -> int:
        longest = max(len(word) for row in cells for word in ("", *row[index].split()))
        return min(widths[index], max(longest, len(columns[index]), _NARROWEST))

    least = [*map(narrowest, range(len(widths)))]
    while sum(widths) + 2 * (len(widths) - 1) > width and widths != least:
        index = max(range(len(widths)), key=lambda one: (widths[one] > least[one], widths[one]))
        widths[index] -= 1

    def parts(cell: str, most: int) -> list[str]:
        return wrap(cell, most, break_long_words=False, break_on_hyphens=False) if len(cell) > most else [cell]

    wrapped = ([parts(*pair) for pair in zip(row, widths, strict=True)] for row in cells)
    return [[list(line) for line in zip_longest(*row, fillvalue="")] for row in wrapped]


def _style(value: Any) -> str | None:
    outcome = value.outcome if isinstance(value, Cell) else value
    return outcome.style if isinstance(outcome, Outcome) else None


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Cell):
        return value.text
    return f"{value:g}" if isinstance(value, float) else str(value)


# When there are colours: always, never, or, if it is auto, in a terminal unless NO_COLOR is set.
COLOURS = ("auto", "always", "never")
_colours = COLOURS[0]


def choose_colours(choice: str) -> None:
    """From now on print colours so, one of COLOURS."""
    global _colours
    _colours = choice


def is_coloured() -> bool:
    """Whether what is printed is to have colours."""
    if _colours != "auto":
        return _colours == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _plain(text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
    return text


# How the colours of a terminal are written for a page; dark enough on white, and light enough on black.
_OF_PAGE = {
    "green": "#2d9d53", "yellow": "#b08800", "cyan": "#1b96b5", "magenta": "#b355c9", "red": "#d1404a",
    "bright_red": "#e5484d",
}  # fmt: skip
_ROWS_OF_PAGE = 200


def html_table(rows: Sequence[Mapping[str, Any]], title: str) -> str:
    """The same as show_table prints, as HTML for a notebook; of many rows the first."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{_escaped(name)}</th>" for name in columns)
    lines = []
    for row in rows[:_ROWS_OF_PAGE]:
        cells = []
        for value in map(row.get, columns):
            colour = _OF_PAGE.get(_style(value) or "")
            style = f' style="color:{colour}"' if colour else ""
            cells.append(f"<td{style}>{_escaped(_text(value))}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    more = f"<p>and {len(rows) - _ROWS_OF_PAGE} more; to_frame() has them all</p>" if len(rows) > _ROWS_OF_PAGE else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>" if rows else ""
    return f"<p>{_escaped(title)}</p>{table}{more}"


def _escaped(text: str) -> str:
    import html

    return html.escape(visible(text))


def amount(size: int) -> str:
    """Bytes for people: 12.3 MB."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def counted(number: int, what: str) -> str:
    """How many of something there are: 1 run, 2 runs."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def show_warnings(warnings: Sequence[str]) -> None:
    """Print warnings, a line each; of many the first."""
    for told in warnings[:_WARNINGS]:
        show(f"warning: {told}")
    if len(warnings) > _WARNINGS:
        show(f"and {len(warnings) - _WARNINGS} more warnings; --json has them all")


def show_json(schema: str, content: Mapping[str, Any]) -> None:
    """Print `content` as JSON with its schema, and nothing else."""
    text = msgspec.json.format(msgspec.json.encode({"schema": schema, **content}), indent=2).decode()
    print(text if text.isascii() else text.translate(_UNSEEN_IN_JSON))
