"""Which stages a run is about."""

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
) -> Choice:
    """The stages of the targets, which are names of stages or groups; of all, if there are none.

    With `keys`, only the stages of these items of groups; a stage of no group is then one of them only if it is named.
    `alone`: nothing before them. Raises ConfigError for an unknown target.
    """
    chosen = None if keys is None else set(keys)
    wanted: dict[str, None] = {}
    for target in targets:
        wanted |= dict.fromkeys(_stages(graph, target, chosen))
    if not targets:
        # As `dvc repro`, the pipeline at the top, and what it depends on.
        top = (name for name, stage in graph.stages.items() if stage.file == PIPELINE.name)
        wanted = dict.fromkeys(name for name in top if _is_about(graph, name, chosen, False))
    if with_downstream:
        after = graph.downstream(wanted)
        wanted |= dict.fromkeys(name for name in graph.stages if name in after and _is_about(graph, name, chosen, True))
    names = graph.as_dvc_runs(wanted)
    if alone:
        names = [name for name in names if name in wanted]
    return Choice(list(wanted), [name for name in names if name in wanted or _is_about(graph, name, chosen, True)])


def _stages(graph: Graph, target: str, chosen: set[str] | None) -> list[str]:
    if target in graph.stages:
        return [target]
    of_group = [stage.name for stage in graph.stages.values() if stage.group == target]
    if not of_group:
        known = [part for stage in graph.stages.values() for part in (stage.name, stage.group)]
        raise ConfigError(f"{target!r} is not a stage or group of dvc.yaml{suggest(target, known)}")
    return [stage for stage in of_group if _is_about(graph, stage, chosen, False)]


def _is_about(graph: Graph, name: str, chosen: set[str] | None, without_key: bool) -> bool:
    key = graph.stages[name].key
    return chosen is None or (without_key if key is None else key in chosen)
