"""How the work on many files is divided, the same for every command that looks at files."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

# Looking at files waits for storage more than for the processor, so there are more threads than processors.
THREADS = 16
# A batch is little enough to be called off soon, and to share the work evenly.
BATCH_FILES = 250
BATCH_BYTES = 8 << 20
Item = TypeVar("Item")


def by_count(items: list[Item]) -> list[list[Item]]:
    """The items in batches, if each costs the same."""
    return [items[start : start + BATCH_FILES] for start in range(0, len(items), BATCH_FILES)]


def by_size(items: Iterable[Item], size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """The items in batches, if each is to be read; `size` says how many bytes it has."""
    batch: list[Item] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if total >= BATCH_BYTES or len(batch) == BATCH_FILES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
