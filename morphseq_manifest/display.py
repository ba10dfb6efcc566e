"""What people see: tables, aligned and coloured in a terminal, plain elsewhere; and JSON for programs."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Wider than any table: ids and hashes are shown whole, for people to copy.
_WIDEST = 100_000


def show_table(
    rows: Sequence[dict[str, Any]], title: str, styles: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Print a title, and rows under all the keys they have, numbers to the right.

    `styles` gives, for a column, the style of each of its values.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        right = any(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(row.get(name), (styles or {}).get(name, {})) for name in columns))
    wide = Console(width=_WIDEST, highlight=False)
    Console(width=max(wide.measure(table).maximum, len(title)), highlight=False).print(Text(title), table, sep="\n")


def _cell(value: Any, styles: Mapping[str, str]) -> Text:
    if value is None:
        return Text("-", style="dim")
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return Text(text, style=styles.get(text, ""))


def show_json(schema: str, content: Mapping[str, Any]) -> None:
    """Print `content` as JSON with its schema, and nothing else."""
    print(msgspec.json.format(msgspec.json.encode({"schema": schema, **content}), indent=2).decode())
