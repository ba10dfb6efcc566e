"""Why a stage will run: the chain from the root cause, a file, a setting, an experiment, to the stage asked about."""

from collections import deque
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.answers import warnings, wells
from morphseq_manifest.answers.changes import Change
from morphseq_manifest.answers.code.unrecorded import Unrecorded, unrecorded_of
from morphseq_manifest.answers.wells import Wells
from morphseq_manifest.answers.why import words
from morphseq_manifest.answers.why.causes import Causes
from morphseq_manifest.base.answer import Answer, Row
from morphseq_manifest.base.errors import ConfigError, ExitCode
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES
from morphseq_manifest.tracker.disk.workspace import THREADS, Workspace
from morphseq_manifest.tracker.dvc.graph import Graph
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.freshness.assess import assess
from morphseq_manifest.tracker.freshness.steps import State, steps

__all__ = ["Cause", "Explanation", "why"]


class Cause(msgspec.Struct, frozen=True):
    """One root cause: what has changed, the stages that it makes run first, and a way from the first to the target.

    `change.old` and `change.new` have sizes and hashes, or values.
    """

    change: Change
    stages: list[str]
    way: list[str]


class Explanation(Answer, msgspec.Struct, frozen=True):
    """The stages asked about with their states, and the root causes, those of earlier stages first.

    `code`: which of the stages that lead to them have other code than is recorded, which makes none of them run.
    `warnings`: inputs that are not there, what does not fit, and what has no row, of the experiments and tables that
    lead to them. `wells`: of those asked about that are not up to date and make stacks, what is to be made.
    """

    target: str
    states: dict[str, State]
    causes: list[Cause]
    code: Unrecorded
    warnings: list[str]
    wells: dict[str, Wells] = {}

    @property
    def title(self) -> str:
        """How many of the stages are not up to date, in a line."""
        late = [name for name, state in self.states.items() if state != State.UP_TO_DATE]
        if not late:
            return f"{self.target} is up to date"
        if len(self.states) == 1:
            return f"{self.target} is {self.states[late[0]]}"
        return f"{self.target}: {len(late)} of {len(self.states)} stages are not up to date"

    def records(self) -> list[Row]:
        """A row a cause: what has changed, what that was and is, for how many stages, and the way to the target."""
        return [
            {
                "cause": words.describe(cause.change),
                "was": None,
                "is": None,
                **dict(words.was_and_is(cause.change)),
                "stages": len(cause.stages),
                "way": " -> ".join(cause.way),
            }
            for cause in self.causes
        ]

    def shown(self) -> tuple[str, list[Row]]:
        """The title and the causes."""
        return self.title, self.records()

    @property
    def exit_code(self) -> ExitCode:
        """0 if all is up to date, 4 if something could not be determined, else 1."""
        if self.code.problems or any(cause.change.kind == "trouble" for cause in self.causes):
            return ExitCode.UNREADABLE
        return ExitCode.OK if all(state == State.UP_TO_DATE for state in self.states.values()) else ExitCode.STALE


def why(target: str, root: Path | str = ".", threads: int = THREADS) -> Explanation:
    """Why a stage, a group of stages, an experiment's stages or a table will be made anew.

    Raises ConfigError for an unknown target, and as `status` does.
    """
    snapshot = CohortSnapshot(Path(root))
    graph = snapshot.graph
    targets = resolve(target, graph)
    workspace = Workspace(snapshot.root, threads)
    upstream = graph.upstream(targets)
    states = steps(graph, assess(snapshot, workspace, upstream), snapshot.entries, failure_notes.read(snapshot.root))
    causes = Causes(snapshot, workspace, states)
    grouped: dict[Any, tuple[Change, list[str]]] = {}
    for name in states:
        for change in causes.of(name):
            # A setting or a model that many stages have is one cause.
            key = msgspec.json.encode(change) if change.kind != "stage" else name
            grouped.setdefault(key, (change, []))[1].append(name)
    ways = _Ways(graph, targets, states)
    return Explanation(
        target=target,
        states={name: states[name].state for name in states if name in targets},
        causes=[Cause(change, names, ways.start(names[0])) for change, names in grouped.values()],
        code=unrecorded_of(snapshot, {graph.stages[name].group for name in upstream}),
        warnings=warnings.of_inputs(snapshot, states.values())
        + warnings.of_project(snapshot, _keys(graph, upstream), [name for name in upstream if name in TABLES]),
        wells=wells.of_steps(snapshot, (states[name] for name in sorted(targets) if not states[name].is_up_to_date)),
    )


def _keys(graph: Graph, names: Iterable[str]) -> list[str]:
    """The experiments of these stages."""
    return sorted({key for name in names if (key := graph.stages[name].key) is not None})


def resolve(target: str, graph: Graph) -> set[str]:
    """The stages that a name stands for: a stage, a group, or an experiment. Raises ConfigError for none."""
    stages = {name for name, stage in graph.stages.items() if target in {name, stage.group, stage.key}}
    if not stages:
        names = [part for name, stage in graph.stages.items() for part in (name, stage.group, stage.key) if part]
        raise ConfigError(f"{target!r} is not a stage, group or experiment of dvc.yaml{suggest(target, names)}")
    return stages


class _Ways:
    """The shortest ways from stages to a target, found from the targets on, once for all."""

    def __init__(self, graph: Graph, targets: set[str], within: Collection[str]) -> None:
        self._graph = graph
        self._steps = dict.fromkeys(targets, 0)
        waiting = deque(targets)
        while waiting:
            name = waiting.popleft()
            for earlier in graph.before[name]:
                if earlier in within and earlier not in self._steps:
                    self._steps[earlier] = self._steps[name] + 1
                    waiting.append(earlier)

    def start(self, name: str) -> list[str]:
        """The way from a stage to a target, both included."""
        way = [name]
        while self._steps.get(way[-1]):
            left = self._steps[way[-1]] - 1
            way.append(next(after for after in self._graph.after[way[-1]] if self._steps.get(after) == left))
        return way
