"""Which stages come before which: by what one makes and another reads, a file, a folder, or something inside one."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.stages import Stage, parents


class Graph:
    """The stages by name, an earlier one always before a later one. Raises ConfigError if they go in a circle.

    Before a frozen stage there is none: it stays as it is, whatever happens to what it depends on.
    """

    def __init__(self, stages: Sequence[Stage], before: dict[str, list[str]] | None = None) -> None:
        """With `before`, what such a graph of the same stages has found to come before each."""
        self._written = [stage.name for stage in stages]
        self._by_name = {stage.name: stage for stage in stages}
        self.before = before or {stage.name: [*dict.fromkeys(self._before(stage))] for stage in stages}
        self.stages = {name: self._by_name[name] for name in _in_order(self.before)}

    @cached_property
    def after(self) -> dict[str, list[str]]:
        """The stages that come right after each."""
        found: dict[str, list[str]] = {name: [] for name in self.stages}
        for name in self.stages:
            for earlier in self.before[name]:
                found[earlier].append(name)
        return found

    @cached_property
    def makers(self) -> dict[str, str]:
        """The stage that makes each output."""
        return {out.path: stage.name for stage in self._by_name.values() for out in stage.outs}

    @cached_property
    def _inside(self) -> dict[str, list[str]]:
        """The stages that make something in a folder, by its path."""
        found: dict[str, list[str]] = {}
        for path, maker in self.makers.items():
            for parent in parents(path):
                found.setdefault(parent, []).append(maker)
        return found

    def makers_of(self, path: str) -> Iterator[str]:
        """The stages that make a path, something inside it, or the folder that it is in."""
        for place in (path, *parents(path)):
            if place in self.makers:
                yield self.makers[place]
        yield from self._inside.get(path, ())

    def _before(self, stage: Stage) -> Iterator[str]:
        for dep in () if stage.frozen else stage.reads():
            yield from self.makers_of(dep)

    def as_dvc_runs(self, targets: Iterable[str]) -> list[str]:
        """The targets and all before them in the order in which `dvc repro` runs them, which is that of dvc.lock."""
        wanted = self.upstream(targets)
        return _in_order({name: self.before[name] for name in self._written if name in wanted})

    def upstream(self, names: Iterable[str]) -> set[str]:
        """The stages `names` and all that come before them."""
        return _reached(names, self.before)

    def downstream(self, names: Iterable[str]) -> set[str]:
        """The stages `names` and all that come after them."""
        return _reached(names, self.after)


def _reached(names: Iterable[str], next_to: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += next_to[name]
    return found


def _in_order(before: dict[str, list[str]]) -> list[str]:
    """The names, each after all that come before it, otherwise as they stand. Raises ConfigError for a circle."""
    order: dict[str, None] = {}
    for start in before:
        path: dict[str, Iterator[str]] = {start: iter(before[start])} if start not in order else {}
        while path:
            name, waiting = next(reversed(path.items()))
            earlier = next((one for one in waiting if one not in order), None)
            if earlier is None:
                order[name] = None
                del path[name]
            elif earlier in path:
                raise ConfigError(f"dvc.yaml: these stages wait for each other: {' -> '.join([*path, earlier])}")
            else:
                path[earlier] = iter(before[earlier])
    return list(order)
