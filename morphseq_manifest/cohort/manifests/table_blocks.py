"""A table's rows by experiment, faster where most are as expected: the rows of an experiment stand together.

So the end of a block is found by halving, and the block taken whole where its hash is the expected one. All else is
counted line by line: what is found is the same, whatever the table has become.
"""

import mmap
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from morphseq_manifest.cohort.manifests.cohort_manifest import Contribution
from morphseq_manifest.cohort.manifests.table_rows import (
    Counted,
    RowCount,
    RowCounter,
    check_header,
    count_table,
    opened,
)

_NEAR = 1 << 12


def count_expected(path: Path, expected: Mapping[str, Contribution]) -> Counted:
    """Count a table file as table_rows.count_table does, and raise as it does.

    The embryos and wells of what is as `expected` are not gathered.
    """
    waiting = {name.encode(): part for name, part in expected.items() if part.rows}
    with opened(path) as file:
        if not file.seek(0, 2):
            return count_table(path)  # nothing to map
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            columns, counter = check_header(data.readline(), str(path)), RowCounter()
            while data.tell() < len(data):
                _add(data, waiting, counter)
            return counter.counted(columns)


def blocks(path: Path, wanted: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """The experiments of a table file, in its order, each with its lines; only those `wanted`, if that is given.

    The lines of an experiment are taken to stand together: if they don't, its lines are none that a stage wrote.
    Raises UnreadableError if it is gone, ContentError if it is no such table.
    """
    with opened(path) as file:
        check_header(file.readline(), str(path))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            data.readline()
            if wanted is not None:
                _skip_before(data, [name.encode() for name in wanted])
            while (start := data.tell()) < len(data):
                key, after = data.readline().partition(b",")[0], data.tell()
                # A line that was cut before its first comma is a block of its own.
                end, experiment = max(after, _end_of_block(data, start, key + b",")), key.decode(errors="replace")
                if wanted is None or experiment in wanted:
                    yield experiment, data[start:end]
                data.seek(end)


def _skip_before(data: mmap.mmap, keys: Collection[bytes]) -> None:
    """Go to the first of some experiments, by halving: they are in order, as a stage writes them. Else stay here."""
    here, first = data.tell(), min(keys, default=b"")
    low, high = here, len(data)
    while high - low > _NEAR:
        line = data.rfind(b"\n", low, (low + high) // 2) + 1
        if not line:
            break
        if data[line : line + len(first) + 1].partition(b",")[0] < first:
            low = line
        else:
            high = line
    data.seek(low)
    while (found := data.readline()) and found.partition(b",")[0] < first:
        low = data.tell()
    data.seek(low if found.startswith(first + b",") else here)


def _add(data: mmap.mmap, waiting: dict[bytes, Contribution], counter: RowCounter) -> None:
    """Count the block that comes next, or the lines up to the next experiment that is still waited for."""
    start = data.tell()
    experiment = data.readline().partition(b",")[0]
    part = waiting.pop(experiment, None)
    if part:
        end = _end_of_block(data, start, experiment + b",")
        rows = RowCount()
        with memoryview(data) as view, view[start:end] as block:
            rows.hash.update(block)
        if rows.contributed == part.contributed:
            rows.rows = part.rows
            rows.last = data[data.rfind(b"\n", start, end - 1) + 1 : end].split(b",", 4)[3]
            counter.add_block(experiment, rows)
            data.seek(end)
            return
    data.seek(start)
    counter.add(_lines(data, waiting))


def _lines(data: mmap.mmap, waiting: Mapping[bytes, Contribution]) -> Iterator[bytes]:
    """The lines from here on, up to the first of an experiment that is waited for."""
    while line := data.readline():
        if line.partition(b",")[0] in waiting:
            data.seek(-len(line), 1)
            return
        yield line


def _end_of_block(data: mmap.mmap, start: int, prefix: bytes) -> int:
    """Where the lines that begin with `prefix` end, the first of them at `start`, if they all stand together."""
    low, high = start, len(data)
    while high - low > _NEAR:
        line = data.rfind(b"\n", low, (low + high) // 2) + 1
        if not line:
            break
        if data[line : line + len(prefix)] == prefix:
            low = line
        else:
            high = line
    data.seek(low)
    while data.readline().startswith(prefix):
        low = data.tell()
    return low
