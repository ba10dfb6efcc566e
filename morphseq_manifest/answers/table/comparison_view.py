"""What `morphseq diff --rows` shows: by experiment and by column, some cells, or all of them as CSV or JSON."""

import csv
import itertools
import sys
from collections.abc import Iterator
from typing import Any

from morphseq_manifest.answers.table.comparison import Comparison
from morphseq_manifest.base import display
from morphseq_manifest.cohort.row_keys import KEY

SCHEMA = "morphseq/rows-diff/1"
_SHOWN = 10


def show(found: Comparison, old: str, new: str) -> None:
    """Print what differs between two states, which are so called."""
    title = f"{found.table}, from {old} to {new}"
    if not found:
        display.show(f"{title}: no difference in {display.counted(found.same, 'experiment')}")
        return
    rows = [
        {
            "experiment": name,
            "added": len(rows.added),
            "removed": len(rows.removed),
            "changed": len(rows.changed),
            "cells": sum(map(len, rows.changed.values())),
        }
        for name, rows in found.experiments.items()
    ]
    display.show_table(
        rows, f"{title}: rows of {display.counted(len(rows), 'experiment')} differ, those of {found.same} do not"
    )
    for word, names in (("came", found.added_columns), ("went", found.removed_columns)):
        if names:
            display.show(f"columns that {word}: {', '.join(names)}")
    by_column = [
        {"column": name, "cells": one.cells, "experiments": one.experiments, "by at most": one.largest}
        for name, one in found.by_column().items()
    ]
    if by_column:
        display.show()
        display.show_table(by_column, "cells that differ, by column")
        cells = [line for line in _cells(found) if line[2] == "changed"]
        display.show()
        some = [{"snip_id": snip, "column": name, "old": a, "new": b} for _, snip, _, name, a, b in cells[:_SHOWN]]
        display.show_table(some, "for example" if len(cells) > _SHOWN else "which are")


def content(found: Comparison) -> dict[str, Any]:
    """The same for programs, with every cell."""
    return {
        "table": found.table,
        "experiments": found.experiments,
        "columns": found.by_column(),
        "added_columns": found.added_columns,
        "removed_columns": found.removed_columns,
        "same": found.same,
    }


def write_csv(found: Comparison) -> None:
    """Print a line a cell that differs, and one a row that came or went."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows(itertools.chain([(KEY[0], KEY[-1], "what", "column", "old", "new")], _cells(found)))


def _cells(found: Comparison) -> Iterator[tuple[str, str, str, str, str, str]]:
    for name, rows in found.experiments.items():
        yield from ((name, snip, "removed", "", "", "") for snip in rows.removed)
        yield from ((name, snip, "added", "", "", "") for snip in rows.added)
        for snip, cells in rows.changed.items():
            yield from ((name, snip, "changed", column, old, new) for column, (old, new) in cells.items())
