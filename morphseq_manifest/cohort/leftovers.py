"""What experiments and models that are no longer listed have left: outputs, folders of inputs, entries of dvc.lock."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from morphseq_manifest.base import sources
from morphseq_manifest.cohort.keyed_paths import Pattern, pattern_of
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.graph import Graph


class Leftover(NamedTuple):
    """Of which experiment or model, where it lies, and whether a stage would make it (else one would read it)."""

    key: str
    path: str
    is_output: bool


def listed(snapshot: CohortSnapshot) -> set[str]:
    """All that stages are for: experiments, and the keys of other groups."""
    keys = {stage.key for stage in snapshot.graph.stages.values() if stage.key is not None}
    return keys | snapshot.experiments.keys()


def of_experiments(snapshot: CohortSnapshot, workspace: Workspace, problems: list[str]) -> Iterator[Leftover]:
    """What would belong to an experiment that is not listed; a folder that can't be listed is added to `problems`."""
    root, patterns, known = snapshot.root, dict(_patterns(snapshot.graph, snapshot.experiments)), listed(snapshot)
    names = _names(root, {pattern.folder for pattern in patterns}, problems)
    for pattern, is_output in patterns.items():
        for name in names[pattern.folder]:
            key = pattern.key(name)
            path = f"{pattern.folder}/{name}{pattern.inside}"
            if key is None or key in known or workspace.ignore.leaves_out(path):
                continue
            sources.add(root / path)
            if os.path.lexists(root / path) if is_output else _holds_something(root / path):
                yield Leftover(key, path, is_output)


def of_models(snapshot: CohortSnapshot, problems: list[str]) -> Iterator[Leftover]:
    """What stages would make by models that params.yaml does not name, for all experiments."""
    models = set(_models(snapshot.settings))
    paths = [out.path for stage in snapshot.graph.stages.values() for out in stage.outs]
    found = [pattern_of(path, model) for model in models for path in paths if model in path]
    patterns = {pattern._replace(inside="") for pattern in found if pattern}
    names = _names(snapshot.root, {pattern.folder for pattern in patterns}, problems)
    for pattern in sorted(patterns):
        for name in sorted(names[pattern.folder]):
            key = pattern.key(name)
            if key is not None and key not in models:
                yield Leftover(key, f"{pattern.folder}/{name}", True)


def entries(snapshot: CohortSnapshot) -> Iterator[tuple[str, str]]:
    """The stages that dvc.lock has and dvc.yaml has no more, each after the experiment it was for, or its own name."""
    known = listed(snapshot)
    for name in snapshot.lock:
        group, _, key = name.partition("@")
        if name not in snapshot.graph.stages and key not in known:
            yield key or group, name


def _models(settings: dict[str, Any]) -> Iterator[str]:
    yield str(settings.get("model_name"))
    of_masks = settings.get("qc_masks")
    models = of_masks.get("models") if isinstance(of_masks, dict) else None
    yield from map(str, models.values() if isinstance(models, dict) else ())


def _names(root: Path, folders: Collection[str], problems: list[str]) -> dict[str, list[str]]:
    """The names in each of the folders; of one that is not there, none."""
    names: dict[str, list[str]] = {}
    for folder in sorted(folders):
        sources.add(root / folder)
        try:
            names[folder] = os.listdir(root / folder)  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            names[folder] = []
        except OSError as error:
            names[folder] = []
            problems.append(f"{root / folder}: can't be listed ({error.strerror})")
    return names


def _holds_something(folder: Path) -> bool:
    try:
        return any(os.scandir(folder))
    except NotADirectoryError:
        return False
    except OSError:
        return folder.is_dir()  # what can't be listed may hold something


def _patterns(graph: Graph, experiments: Collection[str]) -> Iterator[tuple[Pattern, bool]]:
    """The patterns of the paths that each group reads or makes for its experiments; all alike, so one will do."""
    firsts = {stage.group: stage for stage in reversed(graph.stages.values()) if stage.key in experiments}
    for stage in firsts.values():
        paths = [(out.path, True) for out in stage.outs]
        paths += [(dep, False) for dep in stage.deps if not any(graph.makers_of(dep))]
        for path, is_output in paths:
            if found := pattern_of(path, str(stage.key)):
                yield found, is_output
