"""What the page says of df01, df02 and df03: what is in each, as `morphseq provenance` has it, and what has changed."""

from collections import Counter
from collections.abc import Collection, Iterator

import msgspec

from morphseq_manifest.answers import changes
from morphseq_manifest.answers.provenance import difference, membership
from morphseq_manifest.answers.provenance.difference import Difference
from morphseq_manifest.answers.provenance.membership import ExperimentState, Membership
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort import losses
from morphseq_manifest.cohort.losses import Loss
from morphseq_manifest.cohort.manifests import funnel, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES, manifest_of
from morphseq_manifest.tracker.dvc.lock_reading import LOCK
from morphseq_manifest.tracker.dvc.params_file import PARAMS

_SHOWN = 20


class TableView(msgspec.Struct, frozen=True):
    """A cohort table: its manifest and the state of every experiment; `problem` says why they are not known."""

    name: str
    manifest: CohortManifest | None = None
    states: list[ExperimentState] = []
    problem: str | None = None

    @property
    def counts(self) -> dict[Membership, int]:
        """How many experiments are in each state, of those that some are in."""
        counted = Counter(item.state for item in self.states)
        return {state: counted[state] for state in Membership if counted[state]}


class Since(msgspec.Struct, frozen=True):
    """What has changed since the last commit, in lines by what kind of thing; `problem` says why that is not known."""

    lines: dict[str, list[str]] = {}
    problem: str | None = None


def of_project(snapshot: CohortSnapshot) -> list[TableView]:
    """The three tables."""
    return [_table(name, snapshot) for name in TABLES]


def _table(name: str, snapshot: CohortSnapshot) -> TableView:
    try:
        return TableView(name, manifest_of(name, snapshot), membership.examine(name, snapshot))
    except MorphseqError as error:
        return TableView(name, problem=str(error))


def since_last_commit(snapshot: CohortSnapshot) -> Since:
    """What differs between the last commit and the working tree."""
    soon = [PARAMS, LOCK, *map(places.cohort, TABLES), *map(places.images, snapshot.experiments)]
    try:
        found = difference.between(CohortSnapshot(snapshot.root, "HEAD", soon=soon), snapshot)
    except MorphseqError as error:
        return Since(problem=str(error))
    lines = {title: told for title, told in _lines(found) if told}
    return Since({title: _some(told) for title, told in lines.items()})


def _lines(found: Difference) -> Iterator[tuple[str, list[str]]]:
    for table, changed in found.rows.items():
        told = []
        for change in changed:
            if change.kind == "rows":
                told.append(f"{change.name}: {change.old or 0} -> {change.new or 0} rows")
            else:
                told.append(f"{change.name}: as many rows, with other content")
        yield table, told
    yield "experiments", [str(change) for change in found.experiments]
    yield "frames", [f"{name}: {changes.brief(changed)}" for name, changed in found.frames.items()]
    yield "settings", [str(change) for change in found.settings]
    yield "versions", [str(change) for change in found.versions]
    yield "outputs in dvc.lock", [str(change) for change in found.outputs]


def _some(told: list[str]) -> list[str]:
    more = [f"and {len(told) - _SHOWN} more: `morphseq diff` has them all"] if len(told) > _SHOWN else []
    return told[:_SHOWN] + more


class Funnel(msgspec.Struct, frozen=True):
    """How many rows come from frames to the last table, step by step, and what is lost on the way.

    `steps` are (what, how many), `losses` (how many, of how many, of what, in words); `reasons` say of how many rows of
    df02 each flag makes that they are not usable.
    """

    steps: list[tuple[str, int]]
    losses: list[Loss]
    reasons: dict[str, int]


def funnels(tables: Collection[TableView], chosen: Collection[str]) -> tuple[dict[str, Funnel], Funnel | None]:
    """The funnel of each of the experiments that some table has, and of all together; None if there are none."""
    found: dict[str, dict[str, Contribution]] = {}
    for name in chosen:
        manifests = {view.name: view.manifest for view in tables if view.manifest}
        parts = {
            table: manifest.experiments[name] for table, manifest in manifests.items() if name in manifest.experiments
        }
        if parts:
            found[name] = parts
    return {name: _funnel([parts]) for name, parts in found.items()}, _funnel(list(found.values())) if found else None


def _funnel(experiments: Collection[dict[str, Contribution]]) -> Funnel:
    """The funnel of these experiments, of which there are some, each by its parts of tables: the last tells most."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    frames = 0
    for parts in experiments:
        last = parts.get("df03") or parts.get("df02") or parts["df01"]
        counts.update(last.funnel)
        reasons.update(last.reasons)
        frames += last.frames
    in_table = {table: [parts[table] for parts in experiments if table in parts] for table in TABLES}
    steps = {
        "plate rows": counts.get(funnel.PLATE_ROWS),
        "frames": frames,
        "embryos in frames": counts.get(funnel.SAM2_ROWS),
        "rows of df01": sum(part.rows for part in in_table["df01"]) if in_table["df01"] else None,
        "usable rows": counts.get(funnel.USABLE),
        "rows with latents": sum(part.with_latents or 0 for part in in_table["df03"]) if in_table["df03"] else None,
    }
    return Funnel(
        [(what, count) for what, count in steps.items() if count is not None],
        losses.of_part(msgspec.structs.replace(last, funnel=dict(counts), frames=frames, reasons=dict(reasons))),
        dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )
