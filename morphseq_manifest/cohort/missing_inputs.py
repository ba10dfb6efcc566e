"""Inputs that are not there, which no stage makes: a folder of frames, a plate table, a model; and what is near.

An id or a model's name with a typo in it names such an input.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from morphseq_manifest.base import files, sources
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort.keyed_paths import Pattern, pattern_of
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.graph import Graph
from morphseq_manifest.tracker.freshness.steps import Step

_SHOWN = 4
_GONE = "deleted"


def of_steps(snapshot: CohortSnapshot, steps: Iterable[Step]) -> dict[str, list[str]]:
    """By the path of an input that is not there and never was: the experiments whose stages read it.

    What was there when a stage last ran is its verdict's to tell, as is the rest of a clone without its data.
    """
    found: dict[str, list[str]] = {}
    for step in steps:
        gone = [path for path, what in step.verdict.deps.items() if what == _GONE]
        stage = snapshot.graph.stages.get(step.stage) if gone else None
        if stage is None or stage.key is None or stage.key not in snapshot.experiments:
            continue
        entry = snapshot.entries.get(step.stage)
        for path in gone:
            if not (entry and path in entry.deps) and not any(snapshot.graph.makers_of(path)):
                keys = found.setdefault(path, [])
                keys += [stage.key] * (stage.key not in keys)
    return found


def of_experiment(graph: Graph, experiment: str, root: Path) -> Iterator[str]:
    """The paths of an experiment's inputs that are not there now."""
    for path in inputs(graph, experiment):
        if not (root / path).exists():
            yield path


def inputs(graph: Graph, experiment: str) -> list[str]:
    """The paths that an experiment's stages read and no stage makes: frames, tables, models."""
    read = (dep for stage in graph.stages.values() if stage.key == experiment for dep in stage.deps)
    return [path for path in dict.fromkeys(read) if not any(graph.makers_of(path))]


def told(root: Path, path: str, key: str | None, listed: Iterable[str] = ()) -> str:
    """That an input is not there, in words: with the nearest of its kind that is, none of those `listed`.

    `key` is the experiment that it is of, if its path names one; else all that lies beside it is of its kind.
    """
    folder, _, last = path.rpartition("/")
    keyed = pattern_of(path, key) if key else None
    alike, name = (keyed, str(key)) if keyed else (Pattern(folder), last)
    beside = [one for found in names_in(root / alike.folder) if (one := alike.key(found)) is not None]
    kind = "folder" if not beside or (root / alike.path(beside[0])).is_dir() else "file"
    free = [one for one in beside if one not in set(listed)]
    there = "" if keyed else f"; there are {_some(free)}"
    return f"{path}: no such {kind}{there}{suggest(name, free)}"


def names_in(folder: Path) -> list[str]:
    """The visible names in a folder; none if it can't be listed."""
    sources.add(folder)
    try:
        return sorted(files.printable(name) for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208
    except OSError:
        return []


def _some(names: list[str]) -> str:
    """Names for people; of many the first."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more
