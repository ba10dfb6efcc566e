"""What people see: tables, aligned and coloured in a terminal, plain elsewhere; and JSON for programs."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

# Wider than any table: ids and hashes are shown whole, for people to copy.
_WIDEST = 10_000


def show_table(rows: Sequence[dict[str, Any]], title: str) -> None:
    """Print rows as a table under their keys, numbers to the right; whole ids and hashes, however wide."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, value in (rows[0] if rows else {}).items():
        right = isinstance(value, int | float)
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    wide = Console(width=_WIDEST)
    Console(width=wide.measure(table).maximum).print(title, table, sep="\n")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


def show_json(schema: str, content: dict[str, Any] | Iterable[Any]) -> None:
    """Print `content` as JSON with its schema, and nothing else."""
    text = msgspec.json.encode({"schema": schema, **content} if isinstance(content, dict) else content)
    print(msgspec.json.format(text, indent=2).decode())
