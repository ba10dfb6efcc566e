"""Which stages a run is about."""

import posixpath
from collections.abc import Iterable, Sequence

import msgspec

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.tracker.dvc.definition import PIPELINE
from morphseq_manifest.tracker.dvc.graph import Graph


class Choice(msgspec.Struct, frozen=True):
    """The stages that were asked for, and all that may run for them, in the order of `dvc repro`."""

    targets: list[str]
    stages: list[str]


def choose(
    graph: Graph,
    targets: Sequence[str],
    keys: Iterable[str] | None = None,
    *,
    alone: bool = False,
    with_downstream: bool = False,
    folder: str = "",
) -> Choice:
    """The stages of the targets, which are names of stages or groups; of all, if there are none.

    `folder` is that from which pipelines are named, from the project's: `s` there is `folder/dvc.yaml:s`, and if there
    is none, what is called `s` from the project's.

    With `keys`, only the stages of these items of groups; a stage of no group is then one of them only if it is named.
    `alone`: nothing before them. Raises ConfigError for an unknown target.
    """
    chosen = None if keys is None else set(keys)
    wanted: dict[str, None] = {}
    for target in targets:
        wanted |= dict.fromkeys(_stages(graph, target, folder, chosen))
    if not targets:
        # As `dvc repro`, the pipeline in the folder, and what it depends on.
        here = posixpath.join(folder, PIPELINE.name)
        file = here if any(stage.file == here for stage in graph.stages.values()) else PIPELINE.name
        top = (name for name, stage in graph.stages.items() if stage.file == file)
        wanted = dict.fromkeys(name for name in top if _is_about(graph, name, chosen, False))
    if with_downstream:
        after = graph.downstream(wanted)
        wanted |= dict.fromkeys(name for name in graph.stages if name in after and _is_about(graph, name, chosen, True))
    names = graph.as_dvc_runs(wanted)
    if alone:
        names = [name for name in names if name in wanted]
    return Choice(list(wanted), [name for name in names if name in wanted or _is_about(graph, name, chosen, True)])


def _stages(graph: Graph, target: str, folder: str, chosen: set[str] | None) -> list[str]:
    for name in (_from_top(target, folder), target) if target else ():
        if name in graph.stages:
            return [name]
        found = [stage.name for stage in graph.stages.values() if name in {stage.group, stage.file}]
        if found:
            return [stage for stage in found if _is_about(graph, stage, chosen, False)]
    known = [part for stage in graph.stages.values() for part in (stage.name, stage.group)]
    raise ConfigError(f"{target!r} is not a stage or group of dvc.yaml{suggest(target, known)}")


def _from_top(target: str, folder: str) -> str:
    """What `[PATH/]dvc.yaml[:NAME]`, `NAME` or `PATH.dvc`, written in a folder, is called from the project's."""
    group, at, key = target.partition("@")  # a key may have colons
    path, colon, name = group.rpartition(":")
    if not colon and (posixpath.basename(group) == PIPELINE.name or group.endswith(".dvc")):
        path, name = group, ""
    file = posixpath.normpath(posixpath.join(folder, path or PIPELINE.name))
    if not name:
        return file
    return f"{name}{at}{key}" if file == PIPELINE.name else f"{file}:{name}{at}{key}"


def _is_about(graph: Graph, name: str, chosen: set[str] | None, without_key: bool) -> bool:
    key = graph.stages[name].key
    return chosen is None or (without_key if key is None else key in chosen)
