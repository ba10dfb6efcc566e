"""Work done ahead: the next few items are prepared in threads while the present one is used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(prepare: Callable[[Item], Result], items: Iterable[Item], threads: int = 2) -> Iterator[Result]:
    """`prepare` each item, in order, at most `threads` items ahead of the one in use, so that memory stays bounded."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(prepare, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
