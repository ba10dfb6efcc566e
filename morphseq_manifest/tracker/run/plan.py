"""What a run is about, and what it would do: nothing is changed here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.freshness.assess import assess
from morphseq_manifest.tracker.freshness.steps import State, Step, steps
from morphseq_manifest.tracker.run.options import Options
from morphseq_manifest.tracker.run.targets import Choice, choose
from morphseq_manifest.tracker.snapshot import Snapshot


@dataclass(frozen=True)
class Plan:
    """What would run, and why: the state of each stage of a run, and those that run even if up to date.

    `contents` is what is at each path now.
    """

    snapshot: Snapshot
    workspace: Workspace
    steps: dict[str, Step]
    forced: set[str]
    contents: Mapping[str, Content]

    def rows(self) -> list[dict[str, Any]]:
        """What would run or may run, and why: a row a stage."""
        rows: list[dict[str, Any]] = []
        for name, step in self.steps.items():
            if name in self.forced:
                rows.append({"stage": name, "plan": "runs", "why": "forced"})
            elif step.state == State.UNREADABLE:
                rows.append({"stage": name, "plan": "fails", "why": step.verdict.brief() or step.verdict.troubles[0]})
            elif step.verdict:
                why = step.verdict.brief() if step.has_run else "has not run yet"
                rows.append({"stage": name, "plan": "runs", "why": why})
            elif not step.is_up_to_date:
                rows.append({"stage": name, "plan": "may run", "why": "if a stage before it makes something else"})
        return rows

    def running(self) -> list[Stage]:
        """The stages whose command would run, or may, in the order of `dvc repro`."""
        names = {row["stage"] for row in self.rows() if row["plan"] != "fails"}
        stages = (self.snapshot.graph.stages[name] for name in self.steps if name in names)
        return [stage for stage in stages if not stage.is_data and not stage.frozen]


def plan(root: Path, options: Options) -> Plan:
    """The plan of a run. Raises as `run` does."""
    snapshot = Snapshot(root, texts=options.edits(root))
    return plan_of(snapshot, Workspace(root), chosen(snapshot, options), options)


def plan_of(snapshot: Snapshot, workspace: Workspace, choice: Choice, options: Options) -> Plan:
    """The plan of a run that is about these stages."""
    verdicts = assess(snapshot, workspace, choice.stages)
    states = steps(snapshot.graph, verdicts, snapshot.entries, failure_notes.read(snapshot.root))
    in_order = {name: states[name] for name in choice.stages}
    return Plan(snapshot, workspace, in_order, forced(choice, options), workspace.look(()))


def chosen(snapshot: Snapshot, options: Options) -> Choice:
    """The stages asked for, and all that may run for them, in the order of `dvc repro`."""
    return choose(
        snapshot.graph,
        options.targets,
        options.keys,
        alone=options.force,
        with_downstream=options.with_downstream,
        folder=options.folder,
    )


def forced(choice: Choice, options: Options) -> set[str]:
    """The stages to run even if they are up to date."""
    return set(choice.targets) if options.force else set()
