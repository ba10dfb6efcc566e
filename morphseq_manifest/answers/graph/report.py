"""The graph of the stages, those of a group as one, with their states."""

from collections import Counter
from pathlib import Path

import msgspec

from morphseq_manifest.base.errors import ExitCode
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.freshness.assess import assess
from morphseq_manifest.tracker.freshness.steps import State, Step, steps
from morphseq_manifest.tracker.snapshot import Snapshot


class Group(msgspec.Struct, frozen=True):
    """A group of stages, or a stage of none: how many are in each state, and the groups that it comes after."""

    name: str
    counts: dict[State, int]
    after: list[str]

    @property
    def state(self) -> State:
        """The gravest state of its stages."""
        return max(self.counts, key=list(State).index)


class Report(msgspec.Struct, frozen=True):
    """The groups, an earlier one before a later one."""

    groups: list[Group]

    @property
    def exit_code(self) -> ExitCode:
        """0 if all is up to date, 4 if something could not be determined, else 1."""
        found = {state for group in self.groups for state in group.counts}
        if State.UNREADABLE in found:
            return ExitCode.UNREADABLE
        return ExitCode.STALE if found - {State.UP_TO_DATE} else ExitCode.OK


def graph(root: Path) -> Report:
    """The graph of the project in `root`. Raises as a snapshot does."""
    snapshot = Snapshot(root)
    verdicts = assess(snapshot, Workspace(root))
    return collapsed(snapshot, steps(snapshot.graph, verdicts, snapshot.entries, failure_notes.read(root)))


def collapsed(snapshot: Snapshot, found: dict[str, Step]) -> Report:
    """The groups of stages that are in these states."""
    stages = snapshot.graph.stages
    counts: dict[str, Counter[State]] = {}
    after: dict[str, dict[str, None]] = {}
    for name, step in found.items():
        group = stages[name].group
        counts.setdefault(group, Counter())[step.state] += 1
        earlier = dict.fromkeys(stages[before].group for before in snapshot.graph.before[name])
        after.setdefault(group, {}).update({one: None for one in earlier if one != group})
    return Report([Group(name, dict(counts[name]), list(after[name])) for name in counts])
