"""All that the page shows, gathered: each part with what there is of it, or with why there is none."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from morphseq_manifest.answers.graph.report import Group, collapsed
from morphseq_manifest.answers.report import causes, contact_sheet, curves, latent, plate_map, rows, tables
from morphseq_manifest.answers.report.causes import Why
from morphseq_manifest.answers.report.contact_sheet import Sheet
from morphseq_manifest.answers.report.curves import Curves, Reference
from morphseq_manifest.answers.report.latent import Latent
from morphseq_manifest.answers.report.plate_map import PlateMap
from morphseq_manifest.answers.report.rows import Rows
from morphseq_manifest.answers.report.tables import Funnel, Since, TableView
from morphseq_manifest.answers.status import report as status
from morphseq_manifest.base import git
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.workspace import Workspace

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


# So many wells in pictures, and points in plots, of one experiment; of several, a share of so many in all.
_WELLS, _ALL_WELLS = 24, 160
_POINTS, _ALL_POINTS, _FEWEST_POINTS = 3000, 40_000, 150
_NOT_USABLE = 30


class Lost(msgspec.Struct, frozen=True):
    """A row that is not usable, and why."""

    snip_id: str
    reasons: str


class Section(msgspec.Struct, frozen=True):
    """One experiment: the map of its plate, its contact sheet, its curves, the rows that are not usable.

    `problems` say what of this there is not, and why. `more` rows that are not usable are not named.
    """

    name: str
    plate: PlateMap | None
    sheet: Sheet | None
    curves: Curves | None
    lost: list[Lost]
    more: int
    problems: list[str]


class Report(msgspec.Struct, frozen=True):
    """The page: the state of the project, then each experiment.

    `commit` is the last one, in a line, if the project is in git. `all_funnels` are all `funnels` together.
    """

    commit: str | None
    status: status.Report
    whys: dict[str, Why]
    groups: list[Group]
    tables: list[TableView]
    since: Since | None
    funnels: dict[str, Funnel]
    all_funnels: Funnel | None
    latent: Latent | None
    sections: list[Section]
    problems: list[str]
    is_whole: bool


def report(root: Path, experiments: Iterable[str] = (), wells: int | None = None) -> Report:
    """What the page of the project in `root` shows, or of some of its experiments, with so many `wells` of each.

    Raises as `status` does; what else can't be read is said in its place.
    """
    snapshot = CohortSnapshot(root)
    workspace = Workspace(root)
    names = list(experiments)
    found = status.look(snapshot, workspace, names)
    steps = {name: found.steps[name] for name in snapshot.graph.stages if name in found.steps}
    chosen = list(found.experiments) if found.has_experiments else []
    cohort = tables.of_project(snapshot) if chosen else []
    funnels, all_funnels = tables.funnels(cohort, chosen)
    commit = git.run(root, "rev-parse", "--verify", "--quiet", "HEAD")
    problems: list[str] = []
    clouds, sections = _pictured(snapshot, chosen, wells, problems) if chosen else (None, [])
    return Report(
        commit=git.describe(root, commit.decode().strip()) if commit else None,
        status=found,
        whys=causes.of_steps(snapshot, workspace, steps),
        groups=collapsed(snapshot, steps).groups,
        tables=cohort,
        since=tables.since_last_commit(snapshot) if chosen and commit else None,
        funnels=funnels,
        all_funnels=all_funnels,
        latent=clouds,
        sections=sections,
        problems=problems,
        is_whole=not names,
    )


def _pictured(
    snapshot: CohortSnapshot, chosen: list[str], wells: int | None, problems: list[str]
) -> tuple[Latent | None, list[Section]]:
    """What is drawn from tables and pictures."""
    df02: Rows | None = None
    clouds: Latent | None = None
    behind: Reference | None = None
    try:
        behind = curves.reference(snapshot)
    except MorphseqError as error:
        problems.append(f"No reference curves: {error}")
    try:
        df02 = rows.of_df02(snapshot, chosen)
        clouds = latent.of_rows(*rows.of_df03(snapshot, chosen))
    except MorphseqError as error:
        problems.append(f"No plots of {'df03' if df02 else 'df02 and df03'}: {error}")
    parts = dict(df02.by_experiment()) if df02 else {}
    most = wells if wells is not None else max(min(_ALL_WELLS // len(chosen), _WELLS), 1)
    points = max(min(_ALL_POINTS // len(chosen), _POINTS), _FEWEST_POINTS)
    with contact_sheet.pool() as pool:  # pictures are read while the rest is drawn
        begun = {name: _begun(snapshot, name, parts.get(name), most, pool) for name in chosen}
        return clouds, [_section(name, parts.get(name), behind, points, begun[name]) for name in chosen]


class _Begun(NamedTuple):
    """A contact sheet that is begun, the wells with frames, and why there is no sheet, if there is none."""

    sheet: Callable[[], Sheet] | None
    wells: list[str]
    problem: str | None = None


def _begun(snapshot: CohortSnapshot, name: str, found: Rows | None, most: int, pool: "ThreadPoolExecutor") -> _Begun:
    try:
        manifest = snapshot.images(name)
    except MorphseqError as error:
        return _Begun(None, [], str(error))
    if manifest is None:
        return _Begun(None, [], "Its frames are not listed: `images` has not run.")
    return _Begun(contact_sheet.begin(snapshot, manifest, found, most, pool), list(manifest.by_well()))


def _section(name: str, found: Rows | None, behind: Reference | None, points: int, begun: _Begun) -> Section:
    problems = [begun.problem] if begun.problem else []
    lost = _lost(found) if found else []
    return Section(
        name=name,
        plate=plate_map.of_rows(found, begun.wells) if found else None,
        sheet=begun.sheet() if begun.sheet else None,
        curves=curves.of_rows(found, behind, points) if found else None,
        lost=lost[:_NOT_USABLE],
        more=max(len(lost) - _NOT_USABLE, 0),
        problems=problems if found else [*problems, "No row of it in df02."],
    )


def _lost(found: Rows) -> list[Lost]:
    pairs = zip(found.texts(rows.SNIP), found.texts(rows.REASONS), strict=True)
    return [Lost(str(name), why.replace("|", ", ")) for name, why in pairs if why]
