"""What is up to date, what is not, and what is in the tables: `morphseq status`."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from morphseq_manifest.answers import warnings, wells
from morphseq_manifest.answers.provenance import membership
from morphseq_manifest.answers.provenance.membership import Membership
from morphseq_manifest.answers.status import leftovers
from morphseq_manifest.answers.status.leftovers import Unusual
from morphseq_manifest.answers.wells import Wells
from morphseq_manifest.base.answer import Answer, Row
from morphseq_manifest.base.errors import ExitCode, MorphseqError
from morphseq_manifest.cohort import adopted, selection
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES
from morphseq_manifest.tracker.disk.workspace import THREADS, Workspace
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.freshness.assess import assess
from morphseq_manifest.tracker.freshness.steps import State, Step, steps

__all__ = ["Report", "State", "Step", "TableState", "status"]


class TableState(msgspec.Struct, frozen=True):
    """A cohort stage and, if it makes a table, what is in it, by experiment: current, outdated, waiting, removed.

    `experiments` is None for a stage that makes no table, or none so far; `problem` says why not.
    """

    step: Step
    experiments: dict[str, Membership] | None = None
    rows: int | None = None
    problem: str | None = None

    def count(self, state: Membership) -> int:
        """How many experiments are in that state."""
        return sum(membership == state for membership in (self.experiments or {}).values())


class Report(Answer, msgspec.Struct, frozen=True):
    """The state of the stages of each experiment chosen, by group, and of the cohort, with what is unusual.

    In a project of other things (`has_experiments` is false), `experiments` are items of its groups, and `tables` the
    stages of none. `undated` are experiments whose ids have no date, where a day was asked for. `warnings` are of
    inputs that are not there, of what does not fit and of experiments without a row; they make nothing stale. With a
    choice of experiments, `tables` is empty and `unusual` is None: neither is about some experiments alone; and `wells`
    has, by stage, those of the stages that make stacks. `adopted` are the groups, by experiment, whose results were
    taken over from the lab.
    """

    model: str | None
    groups: list[str]
    experiments: dict[str, dict[str, Step]]
    tables: dict[str, TableState]
    undated: list[str]
    unusual: Unusual | None
    warnings: list[str]
    has_experiments: bool = True
    wells: dict[str, Wells] = {}
    adopted: dict[str, list[str]] = {}
    hidden: int = 0

    def only(self, words: Collection[str]) -> "Report":
        """The same with those experiments alone that have a stage in one of these states; the others are `hidden`.

        A state is named by its words joined by hyphens.
        """
        states = {state for state in State if state.replace(" ", "-") in words}
        kept = {
            name: row for name, row in self.experiments.items() if any(step.state in states for step in row.values())
        }
        return msgspec.structs.replace(self, experiments=kept, hidden=len(self.experiments) - len(kept))

    @property
    def steps(self) -> dict[str, Step]:
        """All stages by name."""
        all_steps = [step for row in self.experiments.values() for step in row.values()]
        all_steps += [table.step for table in self.tables.values()]
        return {step.stage: step for step in all_steps}

    @property
    def title(self) -> str:
        """How many experiments there are, and how many of their steps are in which state, in a line."""
        word = "experiment" if self.has_experiments else "item"
        found = [step.state for row in self.experiments.values() for step in row.values()]
        summary = ", ".join(f"{found.count(state)} {state}" for state in State if state in found)
        model = f"; latents of {self.model}" if self.model else ""
        more = f"; {self.hidden} others are not shown" if self.hidden else ""
        count = len(self.experiments)
        return f"{count} {word}{'s' * (count != 1)}: {summary or 'no steps'}{model}{more}"

    def records(self) -> list[Row]:
        """A row a stage: its experiment and group, its state, why it is not up to date, its outputs, the failure."""
        placed = [(name, group, step) for name, row in self.experiments.items() for group, step in row.items()]
        placed += [("", name, table.step) for name, table in self.tables.items()]
        return [
            {
                "experiment": name,
                "group": group,
                "stage": step.stage,
                "state": step.state,
                "why": step.why,
                "made": step.made,
                "outputs": step.outs,
                "failure": step.failure,
            }
            for name, group, step in placed
        ]

    def shown(self) -> tuple[str, list[Row]]:
        """The title, and a row an experiment, a column a step."""
        word = "experiment" if self.has_experiments else "item"
        return self.title, [
            {word: name, **{group: row[group].state if group in row else None for group in self.groups}}
            for name, row in self.experiments.items()
        ]

    @property
    def exit_code(self) -> ExitCode:
        """0 if nothing would run and all is as it should be, 4 if something could not be determined, else 1."""
        troubles = any(step.state == State.UNREADABLE for step in self.steps.values())
        problems = any(table.problem for table in self.tables.values())
        if troubles or problems or (self.unusual and self.unusual.problems):
            return ExitCode.UNREADABLE
        fine = all(step.is_up_to_date for step in self.steps.values())
        current = all(
            state == Membership.CURRENT
            for table in self.tables.values()
            for state in (table.experiments or {}).values()
        )
        return ExitCode.OK if fine and current and not (self.unusual and self.unusual.code) else ExitCode.STALE


def status(
    root: Path | str = ".",
    experiments: Iterable[str] = (),
    later_than: str | None = None,
    threads: int = THREADS,
    remote: bool = False,
) -> Report:
    """The state of the project in `root`, or of some of its experiments: those named, or after a day (YYYYMMDD).

    If `remote`, DVC is asked about stages that have something outside of the project, and goes there.
    What can't be read spoils only what depends on it, and is never up to date. Raises ConfigError for an unknown
    experiment and for settings or a pipeline that can't be used, ContentError for a damaged dvc.lock, UnreadableError
    where one of these files can't be read.
    """
    snapshot = CohortSnapshot(Path(root))
    return look(snapshot, Workspace(snapshot.root, threads), experiments, later_than, remote)


def look(
    snapshot: CohortSnapshot,
    workspace: Workspace,
    experiments: Iterable[str] = (),
    later_than: str | None = None,
    remote: bool = False,
) -> Report:
    """The same of a snapshot of the working tree, with its files looked at through `workspace`."""
    names = list(experiments)
    chosen, undated = selection.select(snapshot.experiments, names, later_than)
    is_whole = not names and later_than is None
    graph = snapshot.graph
    keys = {*chosen}
    wanted = [name for name, stage in graph.stages.items() if is_whole or stage.key in keys]
    verdicts = assess(snapshot, workspace, wanted)
    if remote and (elsewhere := [name for name in verdicts if graph.stages[name].unseen]):
        from morphseq_manifest.tracker.freshness.by_dvc import ask_dvc

        verdicts |= ask_dvc(snapshot.root, elsewhere)
    by_name = steps(graph, verdicts, snapshot.entries, failure_notes.read(snapshot.root))
    rows: dict[str, dict[str, Step]] = {name: {} for name in chosen}
    for name, step in by_name.items():
        stage = graph.stages[name]
        if stage.key is not None:
            rows.setdefault(stage.key, {})[stage.group] = step
    cohort = [name for name in by_name if graph.stages[name].key is None]
    return Report(
        model=snapshot.settings.get("model_name") if snapshot.has_experiments else None,
        groups=list(dict.fromkeys(stage.group for stage in graph.stages.values() if stage.key is not None)),
        experiments=rows,
        tables={name: _table(name, snapshot, by_name) for name in cohort},
        undated=undated,
        has_experiments=snapshot.has_experiments,
        wells={} if is_whole else wells.of_steps(snapshot, by_name.values()),
        adopted=adopted.of(snapshot, chosen),
        unusual=leftovers.look(snapshot, workspace) if is_whole else None,
        warnings=warnings.of_inputs(snapshot, by_name.values())
        + warnings.of_project(snapshot, chosen, [name for name in cohort if name in TABLES], workspace.look([])),
    )


def _table(name: str, snapshot: CohortSnapshot, by_name: Mapping[str, Step]) -> TableState:
    """What is in a table, by experiment: as recorded, and as the stages before it stand now."""
    if name not in TABLES or not snapshot.has_experiments:
        return TableState(by_name[name])
    try:
        manifest = snapshot.cohort(name)
        if manifest is None:
            return TableState(by_name[name], dict.fromkeys(snapshot.experiments, Membership.WAITING))
        examined = membership.examine(name, snapshot)
    except MorphseqError as error:
        return TableState(by_name[name], problem=str(error))
    before: dict[str, list[Step]] = {}
    for stage in snapshot.graph.upstream([name]):
        key = snapshot.graph.stages[stage].key
        if key is not None:
            before.setdefault(key, []).append(by_name[stage])
    memberships = {}
    for item in examined:
        late = item.part and not all(step.is_up_to_date for step in before.get(item.experiment, ()))
        memberships[item.experiment] = Membership.OUTDATED if late and item.state == Membership.CURRENT else item.state
    return TableState(by_name[name], memberships, manifest.rows)
