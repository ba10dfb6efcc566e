"""What differs between two states of a cohort table, row by row and cell by cell.

An experiment whose rows have the same hash in both manifests is not read: so the work is that of what has changed.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from morphseq_manifest.answers.table.rows import Table
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns

Cells = dict[str, tuple[str, str]]


class Rows(msgspec.Struct, frozen=True):
    """What differs of an experiment: the snip_ids of rows that came and went, and by snip_id the cells, old and new."""

    added: list[str]
    removed: list[str]
    changed: dict[str, Cells]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class ColumnChange(msgspec.Struct, frozen=True):
    """A column: how many of its cells differ, in how many experiments, and by how much at most, if they are numbers."""

    cells: int
    experiments: int
    largest: float | None


class Comparison(msgspec.Struct, frozen=True):
    """What differs of a table: by experiment, and columns that came and went; `same` experiments have the same rows."""

    table: str
    experiments: dict[str, Rows]
    added_columns: list[str]
    removed_columns: list[str]
    same: int

    def __bool__(self) -> bool:
        return bool(self.experiments or self.added_columns or self.removed_columns)

    def by_column(self) -> dict[str, ColumnChange]:
        """The columns with cells that differ, most cells first."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        for experiment, rows in self.experiments.items():
            for cells in rows.changed.values():
                for name, (old, new) in cells.items():
                    found.setdefault(name, []).append((experiment, old, new))
        summary = {
            name: ColumnChange(len(cells), len({one for one, _, _ in cells}), _largest(name, cells))
            for name, cells in found.items()
        }
        return dict(sorted(summary.items(), key=lambda item: (-item[1].cells, item[0])))


def compare(old: Table, new: Table, tolerance: float = 0) -> Comparison:
    """Compare two states of a table. Numbers that differ by less than a share, the `tolerance`, count as the same.

    Cells are compared in the columns that both have. Raises as Table.blocks does.
    """
    before, after = old.manifest.experiments, new.manifest.experiments
    alike = old.columns == new.columns
    same = {
        name
        for name in before.keys() & after.keys()
        if alike and (before[name].rows, before[name].contributed) == (after[name].rows, after[name].contributed)
    }
    found = {}
    for name, earlier, later in _paired(old, new, (before.keys() | after.keys()) - same):
        if rows := _differences(
            _lines(earlier, old.path), _lines(later, new.path), old.columns, new.columns, tolerance
        ):
            found[name] = rows
    return Comparison(
        table=new.name,
        experiments=found,
        added_columns=[name for name in new.columns if name not in old.columns],
        removed_columns=[name for name in old.columns if name not in new.columns],
        same=len((before.keys() | after.keys()) - found.keys()),
    )


def _paired(old: Table, new: Table, names: set[str]) -> Iterator[tuple[str, bytes, bytes]]:
    """Experiments, in id order, with their lines in both; each table is read once, a block at a time."""
    sides = [_in_order(table, names & table.manifest.experiments.keys()) for table in (old, new)]
    heads = [next(side, None) for side in sides]
    while any(heads):
        name = min(head[0] for head in heads if head)
        is_next = [head is not None and head[0] == name for head in heads]
        earlier, later = (head[1] if head and wanted else b"" for head, wanted in zip(heads, is_next, strict=True))
        yield name, earlier, later
        heads = [next(sides[place], None) if wanted else heads[place] for place, wanted in enumerate(is_next)]


def _in_order(table: Table, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """The blocks of a table. Raises ContentError if they are not in id order, as every stage writes them."""
    last = ""
    for name, lines in table.blocks(names):
        if name < last:
            raise ContentError(
                f"{table.path}: {name} stands after {last}. `morphseq provenance {table.name} --check` tells more"
            )
        last = name
        yield name, lines


def _lines(data: bytes, path: Path) -> dict[str, bytes]:
    """The lines of an experiment by snip_id, without their ends."""
    found = {}
    for line in data.splitlines():
        fields = line.split(b",", 4)
        if len(fields) < 4:
            raise ContentError(f"{path}: {line[:60].decode(errors='replace')!r} is cut short")
        found[fields[3].decode(errors="replace")] = line
    return found


def _differences(
    before: Mapping[str, bytes], after: Mapping[str, bytes], old: list[str], new: list[str], tolerance: float
) -> Rows:
    """What differs of an experiment, whose rows have the columns `old` and `new`."""
    changed = {}
    alike = old == new
    for snip in before.keys() & after.keys():
        if alike and before[snip] == after[snip]:
            continue
        if cells := _cells(_row(before[snip], old), _row(after[snip], new), tolerance):
            changed[snip] = cells
    return Rows(
        sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys()), dict(sorted(changed.items()))
    )


def _row(line: bytes, names: list[str]) -> dict[str, str]:
    return dict(zip(names, next(csv.reader([line.decode()])), strict=False))


def _cells(before: Mapping[str, str], after: Mapping[str, str], tolerance: float) -> Cells:
    return {
        name: (old, after[name])
        for name, old in before.items()
        if name in after and old != after[name] and not (tolerance and _is_near(name, old, after[name], tolerance))
    }


def _is_near(name: str, old: str, new: str, tolerance: float) -> bool:
    """Whether two cells of a column are numbers that differ by no more than a share of the larger."""
    numbers = _numbers(name, old, new)
    return numbers is not None and abs(numbers[0] - numbers[1]) <= tolerance * max(map(abs, numbers))


def _numbers(name: str, *cells: str) -> list[float] | None:
    """Cells as numbers; None unless the column is one of numbers, and all are there."""
    if columns.dtype_of(name) not in {columns.Dtype.INTEGER, columns.Dtype.FLOAT, columns.Dtype.SINGLE}:
        return None
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None  # one is blank


def _largest(name: str, cells: list[tuple[str, str, str]]) -> float | None:
    """The largest difference between cells of a column that are numbers before and after."""
    pairs = (_numbers(name, old, new) for _, old, new in cells)
    return max((abs(pair[0] - pair[1]) for pair in pairs if pair is not None), default=None)
