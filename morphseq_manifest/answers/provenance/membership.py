"""Which experiments, with which content, are in a cohort table, and whether that is what is recorded now.

Everything is told from small files: the table's manifest, params.yaml, dvc.lock and git. So it can be asked of any
commit, without checking it out. `morphseq provenance --check` holds the manifest against the table itself.
"""

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.answers import changes
from morphseq_manifest.answers.changes import Change
from morphseq_manifest.base.answer import Answer
from morphseq_manifest.base.display import counted
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.cohort import adopted, losses
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES, manifest_of
from morphseq_manifest.tracker.dvc.lock_reading import Lock, StageLock
from morphseq_manifest.tracker.freshness import failure_notes

# The fields of a contribution that are the md5 of what a stage of that name made.
_SOURCES = ("images", "sam2", "build03", "latents")


class Membership(Outcome):
    """How an experiment stands to a table."""

    CURRENT = "current", "what is in the table is what is recorded now", "green"
    OUTDATED = (
        "outdated",
        "what it was made from has changed since: the frames, the plate table, a setting, a version are named",
        "yellow",
    )
    WAITING = "waiting", "listed in `params.yaml`, not in the table yet", "cyan"
    REMOVED = "removed", "in the table, no longer listed", "magenta"
    FAILED = "failed", "listed, but its stages did not finish; with the message of the one that failed", "red"


class ExperimentState(msgspec.Struct, frozen=True):
    """One experiment and one table: its part of the table, if it has one, its state, and why that is so.

    `adopted` are the stages whose results were taken over from the lab: what made them is not known.
    """

    experiment: str
    state: Membership
    changes: list[Change]
    part: Contribution | None
    adopted: list[str] = []


def examine(table: str, snapshot: CohortSnapshot) -> list[ExperimentState]:
    """The state of every experiment that is listed or in the table, in id order. Raises as `manifest_of` does."""
    manifest = manifest_of(table, snapshot)
    common = _common_changes(manifest, snapshot)
    built = _Built(table, snapshot)
    notes = {} if snapshot.commit else _failures(snapshot)
    stages = sorted(_stages_of(manifest) | _part_stages(table, {*snapshot.lock, *notes}))
    states = []
    for experiment in sorted(snapshot.params.experiments.keys() | manifest.experiments.keys()):
        part = manifest.experiments.get(experiment)
        if experiment not in snapshot.params.experiments:
            states.append(ExperimentState(experiment, Membership.REMOVED, [], part))
            continue
        unfinished = list(_unfinished(experiment, stages, snapshot.lock, notes))
        started = any(f"{stage}@{experiment}" in snapshot.lock or f"{stage}@{experiment}" in notes for stage in stages)
        found = [] if part is None else [*common, *_own_changes(experiment, part, snapshot, built)]
        if unfinished and started:
            states.append(ExperimentState(experiment, Membership.FAILED, [*unfinished, *found], part))
        elif part is None:
            why = f"its stages are done; `dvc repro {table}` takes it in" if started else "its stages have not run"
            states.append(ExperimentState(experiment, Membership.WAITING, [Change("stage", table, new=why)], part))
        else:
            states.append(
                ExperimentState(experiment, Membership.OUTDATED if found else Membership.CURRENT, found, part)
            )
    taken = adopted.of(snapshot, snapshot.params.experiments)
    return [_with_adopted(state, taken.get(state.experiment, ())) for state in states]


def _with_adopted(state: ExperimentState, taken: Collection[str]) -> ExperimentState:
    """The state with the stages before the table that were taken over."""
    known = state.part.versions if state.part else {}
    return msgspec.structs.replace(state, adopted=[stage for stage in taken if stage in known])


def _stages_of(manifest: CohortManifest) -> set[str]:
    return {stage for part in manifest.experiments.values() for stage in part.versions}


def _part_stages(table: str, names: set[str]) -> set[str]:
    """The stages that record what this table and those before it take, if there are any yet."""
    groups = {name.partition("@")[0] for name in names}
    return {f"{earlier}_part" for earlier in TABLES[: TABLES.index(table) + 1]} & groups


def _failures(snapshot: CohortSnapshot) -> dict[str, str]:
    """Why stages failed, of those that are still to run: a change that was taken back leaves its note behind."""
    notes = failure_notes.read(snapshot.root)
    if not notes:
        return {}
    from morphseq_manifest.tracker.disk.workspace import Workspace
    from morphseq_manifest.tracker.freshness.assess import assess
    from morphseq_manifest.tracker.freshness.steps import State, steps

    try:
        failed = [name for name in notes if name in snapshot.graph.stages]
        verdicts = assess(snapshot, Workspace(snapshot.root), snapshot.graph.upstream(failed))
        found = steps(snapshot.graph, verdicts, snapshot.lock, notes)
    except MorphseqError:
        return notes  # what can't be looked at is not taken to be fine
    return {name: notes[name] for name in failed if found[name].state == State.FAILED}


class _Built:
    """The project when a table was built: the commit that first had the table's present manifest, if it is in git."""

    def __init__(self, table: str, snapshot: CohortSnapshot) -> None:
        self._path, self._now = places.cohort(table), snapshot

    @cached_property
    def snapshot(self) -> CohortSnapshot | None:
        """The project then; looked for once, and only if asked for."""
        commit = self._now.recorded_in(self._path)
        return CohortSnapshot(self._now.root, commit) if commit else None


def _common_changes(manifest: CohortManifest, snapshot: CohortSnapshot) -> list[Change]:
    """What has changed for every experiment since the table was built: settings, versions of its own, the model."""
    values = snapshot.params.values
    recorded = changes.settings(manifest.params, {name: values.get(name) for name in manifest.params})
    versions = values.get("versions", {})
    recorded += changes.compare("version", manifest.versions, {name: versions.get(name) for name in manifest.versions})
    if manifest.model and manifest.model != values.get("model_name"):
        recorded.append(Change("model", "model_name", manifest.model, values.get("model_name")))
    return recorded


def _own_changes(experiment: str, part: Contribution, snapshot: CohortSnapshot, built: _Built) -> Iterator[Change]:
    """What has changed for one experiment since the table was built."""
    segmenter = snapshot.params.experiments[experiment].segmenter
    if segmenter != part.segmenter:
        yield Change("segmenter", experiment, part.segmenter, segmenter)
    versions = snapshot.params.values.get("versions", {})
    yield from changes.compare("version", part.versions, {name: versions.get(name) for name in part.versions})
    changed = [source for source in _SOURCES if not _still_made(source, getattr(part, source), experiment, snapshot)]
    if not changed:
        return
    then = built.snapshot
    details: list[Change] = []
    if then is not None:
        details += changes.frames(then.images(experiment), snapshot.images(experiment))
        details += changes.compare("input", *(_inputs(experiment, part, state.lock) for state in (then, snapshot)))
    # Without the state before (never committed), or without a change in what it was made from: the results by name.
    yield from details or [
        Change("result of", f"{source}@{experiment}", getattr(part, source), "") for source in changed
    ]


def _still_made(source: str, md5: str | None, experiment: str, snapshot: CohortSnapshot) -> bool:
    stage = snapshot.lock.get(f"{source}@{experiment}")
    return md5 is None or stage is None or md5 in {out.md5 for out in stage.outs.values()}


def _inputs(experiment: str, part: Contribution, lock: Lock) -> dict[str, str]:
    """The files and folders that come into an experiment's stages from outside, but for its frames: path to md5."""
    stages = _chain(experiment, sorted(part.versions), lock)
    made = {path for stage in stages.values() for path in stage.outs}
    frames = (
        {path for path, dep in stages["images"].deps.items() if dep.nfiles is not None} if "images" in stages else set()
    )
    deps = {path: dep.md5 for stage in stages.values() for path, dep in stage.deps.items()}
    return {path: md5 for path, md5 in deps.items() if path not in made | frames}


def _chain(experiment: str, stages: list[str], lock: Lock) -> dict[str, StageLock]:
    return {stage: lock[f"{stage}@{experiment}"] for stage in stages if f"{stage}@{experiment}" in lock}


def _unfinished(experiment: str, stages: list[str], lock: Lock, notes: dict[str, str]) -> Iterator[Change]:
    """The stages of an experiment that have not run, or not since one before them made something else."""
    chain = _chain(experiment, stages, lock)
    made = {path: (stage, out.md5) for stage, entry in chain.items() for path, out in entry.outs.items()}
    for stage in stages:
        name = f"{stage}@{experiment}"
        deps = chain[stage].deps if stage in chain else {}
        late = [made[path][0] for path, dep in deps.items() if path in made and made[path][1] != dep.md5]
        if stage in chain and not late and name not in notes:
            continue
        yield Change(
            "stage", name, new=notes.get(name) or (f"has not run since {late[0]} did" if late else "has not run")
        )


def rows(states: list[ExperimentState]) -> list[dict[str, Any]]:
    """A row an experiment, for display and for DataFrames; a column for each way in which something of any was lost."""
    lost = [losses.of_part(item.part) if item.part else [] for item in states]
    ways = [way for way in losses.WAYS if any(loss.way == way for own in lost for loss in own)]
    return [
        {
            "experiment": item.experiment,
            "state": item.state,
            **{name: getattr(item.part, name, None) for name in ("rows", "embryos", "wells", "frames", "segmenter")},
            **_adopted(item, states),
            **_coverage(item.part),
            "contributed": item.part.contributed if item.part else None,
            **dict.fromkeys(ways, "") | {loss.way: loss.cell for loss in own},
            "why": changes.brief(item.changes),
        }
        for item, own in zip(states, lost, strict=True)
    ]


def _adopted(item: ExperimentState, states: list[ExperimentState]) -> dict[str, Any]:
    """Which of its results were taken over, if any in the table were; of such ones the segmenter is not known."""
    if not any(state.adopted for state in states):
        return {}
    unknown = {"segmenter": "unknown"} if "sam2" in item.adopted else {}
    return unknown | {"adopted": ", ".join(item.adopted) or None}


def _coverage(part: Contribution | None) -> dict[str, Any]:
    return (
        {}
        if part is None or part.with_latents is None
        else {"with latents": part.with_latents, "coverage": part.coverage}
    )


class Provenance(Answer, msgspec.Struct, frozen=True):
    """What is in a cohort table: its manifest, and each experiment that is listed or in it. `label` says as of when."""

    table: str
    label: str
    manifest: CohortManifest
    experiments: list[ExperimentState]

    @property
    def title(self) -> str:
        """How many rows and experiments the table has, and how many of these are in which state, in a line."""
        manifest, states = self.manifest, [item.state for item in self.experiments]
        summary = ", ".join(f"{states.count(state)} {state}" for state in Membership if state in states)
        model = f", latents of {manifest.model}" if manifest.model else ""
        coverage = "" if manifest.coverage is None else f" for {manifest.coverage:.1%} of the rows"
        count = counted(len(manifest.experiments), "experiment")
        return f"{self.table} in {self.label}: {manifest.rows} rows of {count}{model}{coverage}: {summary}"

    def records(self) -> list[dict[str, Any]]:
        """A row an experiment, as the function `rows` has it."""
        return rows(self.experiments)

    def shown(self) -> tuple[str, list[dict[str, Any]]]:
        """The title and the experiments."""
        return self.title, self.records()

    def __len__(self) -> int:
        return len(self.experiments)


def provenance(table: str, root: Path | str = ".", rev: str | None = None) -> Provenance:
    """What is in df01, df02 or df03, in the working tree of `root` or at the commit `rev`.

    As a DataFrame it has a row an experiment. Columns: experiment, state (as Membership has it), rows, embryos, wells,
    frames, segmenter, the hash of the rows it contributed, what was lost on the way (a column for each way in which
    something was), why it is in that state.
    Raises UnreadableError if the table has no manifest, ContentError if a manifest or dvc.lock was edited or damaged,
    ConfigError for another name or no such commit.
    """
    return of_snapshot(table, CohortSnapshot(Path(root), rev))


def of_snapshot(table: str, snapshot: CohortSnapshot) -> Provenance:
    """The same as of a snapshot."""
    return Provenance(table, snapshot.label, manifest_of(table, snapshot), examine(table, snapshot))
