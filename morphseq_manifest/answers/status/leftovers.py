"""What is unusual: what experiments that are no longer listed left behind, folders not listed, code not recorded."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from morphseq_manifest.answers.code.unrecorded import unrecorded
from morphseq_manifest.base import files, sources
from morphseq_manifest.cohort.keyed_paths import Pattern, pattern_of
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.graph import Graph


class Unusual(msgspec.Struct, frozen=True):
    """What to look into.

    `orphans`: by experiment no longer listed, what is left of it. `unlisted`: folders that a stage would read, were
    they listed. `code`: stages whose code is not what is recorded for their version, and how. `problems`: what could
    not be determined.
    """

    orphans: dict[str, list[str]] = {}
    unlisted: list[str] = []
    code: dict[str, str] = {}
    problems: list[str] = []


def look(snapshot: CohortSnapshot, workspace: Workspace) -> Unusual:
    """Look for what is unusual in the working tree."""
    keys = {stage.key for stage in snapshot.graph.stages.values() if stage.key is not None}
    listed = keys | snapshot.experiments.keys()
    problems: list[str] = []
    found = sorted(_leftovers(snapshot, listed, workspace, problems))
    orphans: dict[str, list[str]] = {}
    for key, path, is_output in found:
        if is_output:
            orphans.setdefault(key, []).append(path)
    for name in snapshot.lock:
        group, _, key = name.partition("@")
        if name not in snapshot.graph.stages and key not in listed:
            orphans.setdefault(key or group, []).append(f"{name} in dvc.lock")
    unlisted = [path for _, path, is_output in found if not is_output]
    code = unrecorded(snapshot)
    return Unusual(orphans, unlisted, code.stages, problems + code.problems)


def _leftovers(
    snapshot: CohortSnapshot, listed: set[str], workspace: Workspace, problems: list[str]
) -> Iterator[tuple[str, str, bool]]:
    """Key, path, and whether it is an output, of what would belong to an experiment that is not listed."""
    root, patterns = snapshot.root, dict(_patterns(snapshot.graph, snapshot.experiments))
    names: dict[str, list[str]] = {}
    for pattern in patterns:
        if pattern.folder not in names:
            sources.add(root / pattern.folder)
            try:
                names[pattern.folder] = os.listdir(root / pattern.folder)  # noqa: PTH208
            except (FileNotFoundError, NotADirectoryError):
                names[pattern.folder] = []
            except OSError as error:
                names[pattern.folder] = []
                problems.append(f"{root / pattern.folder}: can't be listed ({error.strerror})")
    for pattern, is_output in patterns.items():
        for name in names[pattern.folder]:
            key = pattern.key(name)
            path = f"{pattern.folder}/{name}{pattern.inside}"
            if key is None or key in listed or workspace.ignore.leaves_out(path):
                continue
            sources.add(root / path)
            if os.path.lexists(root / path) if is_output else _holds_something(root / path):
                yield files.printable(key), files.printable(path), is_output


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
