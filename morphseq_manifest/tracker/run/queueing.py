"""The order in which stages begin: as DVC has it, as far as those before them have ended."""

import heapq
from collections.abc import Mapping, Sequence


class Queue:
    """The stages that wait, given out in their order as soon as all before them have ended."""

    def __init__(self, order: Sequence[str], before: Mapping[str, Sequence[str]]) -> None:
        self._place = {name: number for number, name in enumerate(order)}
        self._left = {name: {stage for stage in before[name] if stage in self._place} for name in order}
        self._after: dict[str, list[str]] = {}
        for name, earlier in self._left.items():
            for stage in earlier:
                self._after.setdefault(stage, []).append(name)
        self._ready = [self._place[name] for name in order if not self._left[name]]
        self._order = list(order)

    def __len__(self) -> int:
        return len(self._left)

    def next(self) -> str | None:
        """The next stage that can run now, if there is one."""
        while self._ready:
            name = self._order[heapq.heappop(self._ready)]
            if name in self._left:
                del self._left[name]
                return name
        return None

    def ended(self, name: str) -> None:
        """Mark a stage done and release what waited for it."""
        for later in self._after.get(name, ()):
            if later in self._left:
                self._left[later].discard(name)
                if not self._left[later]:
                    heapq.heappush(self._ready, self._place[later])

    def drop(self, names: set[str] | None) -> list[str]:
        """Take stages out, or all of them; those that were still in it."""
        dropped = [name for name in self._left if names is None or name in names]
        for name in dropped:
            del self._left[name]
        return dropped
