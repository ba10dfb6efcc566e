"""Which stages a run is about."""

from collections.abc import Iterable, Sequence

import msgspec

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort.params import suggest
from morphseq_manifest.tracker.dvc.graph import Graph

EVERYTHING = "e2e"
# The lab's older names of tables.
_ALIASES = {"build04": "df02", "build06": "df03"}


class Choice(msgspec.Struct, frozen=True):
    """The stages that were asked for, and all that may run for them, in the order of `dvc repro`."""

    targets: list[str]
    stages: list[str]


def choose(
    graph: Graph,
    targets: Sequence[str],
    experiments: Iterable[str] | None = None,
    *,
    alone: bool = False,
    with_downstream: bool = False,
) -> Choice:
    """The stages of the targets: names of stages or groups, `e2e` (all), and older names of tables.

    With `experiments`, only those of groups; a stage of the whole cohort is then about it only if it is named.
    `alone`: nothing before them. Raises ConfigError for an unknown target.
    """
    chosen = None if experiments is None else set(experiments)
    wanted: dict[str, None] = {}
    for target in targets or [EVERYTHING]:
        wanted |= dict.fromkeys(_stages(graph, target, chosen))
    if with_downstream:
        after = graph.downstream(wanted)
        wanted |= dict.fromkeys(name for name in graph.stages if name in after and _is_about(graph, name, chosen, True))
    names = graph.as_dvc_runs(wanted)
    if alone:
        names = [name for name in names if name in wanted]
    return Choice(list(wanted), [name for name in names if name in wanted or _is_about(graph, name, chosen, True)])


def _stages(graph: Graph, target: str, chosen: set[str] | None) -> list[str]:
    name = _ALIASES.get(target, target)
    if name in graph.stages:
        return [name]
    found = [stage.name for stage in graph.stages.values() if target == EVERYTHING or stage.group == name]
    if not found:
        known = [part for stage in graph.stages.values() for part in (stage.name, stage.group)]
        raise ConfigError(f"{target!r} is no stage or group of dvc.yaml{suggest(target, [*known, EVERYTHING])}")
    return [stage for stage in found if _is_about(graph, stage, chosen, False)]


def _is_about(graph: Graph, name: str, chosen: set[str] | None, cohort: bool) -> bool:
    key = graph.stages[name].key
    return chosen is None or (cohort if key is None else key in chosen)
