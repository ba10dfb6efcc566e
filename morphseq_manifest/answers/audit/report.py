"""The audit: a random sample of stages, and of wells of those that make stacks, made again and compared.

Each is made from what is there now, which is what dvc.lock records, or it is left out. The project is not touched but
for manifests/audit.json.
"""

import filecmp
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from morphseq_manifest.answers import wells
from morphseq_manifest.answers.audit import comparing, sampling
from morphseq_manifest.answers.audit.comparing import Compared, Likeness
from morphseq_manifest.answers.audit.sampling import Unit
from morphseq_manifest.answers.audit.sandbox import sandbox
from morphseq_manifest.base import git
from morphseq_manifest.base.errors import ConfigError, ContentError, ExitCode, MorphseqError
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.cohort import adopted
from morphseq_manifest.cohort.manifests import audit_manifest, places
from morphseq_manifest.cohort.manifests.audit_manifest import Audited, AuditManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc import project_lock
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness.assess import assess
from morphseq_manifest.tracker.run.engines import LocalEngine
from morphseq_manifest.tracker.run.interruption import Interruption
from morphseq_manifest.tracker.run.targets import choose
from morphseq_manifest.tracker.run.task import LOGS, log_tail, make_task

_FAILED = "failed"


class Asked(msgspec.Struct, frozen=True):
    """What is to be audited: stages and groups (all if none), so many per cent, drawn by a seed, with a tolerance."""

    targets: tuple[str, ...] = ()
    percent: float = 5
    seed: int = 0
    tolerance: float = 1e-6


class Report(msgspec.Struct, frozen=True):
    """What was drawn of how many units, the results, and the stages left out, by name, with the reason."""

    asked: Asked
    units: int
    drawn: list[Unit]
    results: list[Audited]
    left_out: dict[str, str]

    @property
    def exit_code(self) -> ExitCode:
        """3 if something is other than recorded, 4 if a stage failed, 1 if something is near or left out, else 0."""
        found = {result.result for result in self.results}
        if Likeness.OTHER in found:
            return ExitCode.CONTENT
        if _FAILED in found:
            return ExitCode.UNREADABLE
        return ExitCode.STALE if Likeness.NEAR in found or self.left_out or not self.results else ExitCode.OK


def audit(root: Path, asked: Asked, told: Callable[[Audited], None] = lambda result: None) -> Report:
    """Make a sample again, compare it, and write manifests/audit.json; each result is `told` as it comes.

    Raises ConfigError for unknown targets, BusyError if somebody else works on the project, and as a snapshot does.
    """
    check_links(root)
    with project_lock.held(root, 0), Interruption():
        snapshot = CohortSnapshot(root)
        chosen = choose(snapshot.graph, asked.targets, alone=True).stages
        left_out = dict(_left_out(snapshot, chosen))
        units = [unit for name in chosen if name not in left_out for unit in _units(snapshot, name)]
        drawn = sampling.draw(units, asked.percent, asked.seed)
        results = []
        for stage in dict.fromkeys(unit.stage for unit in drawn):
            some = [unit.well for unit in drawn if unit.stage == stage and unit.well]
            results.append(_audited(snapshot, stage, some, asked.tolerance))
            told(results[-1])
        report = Report(asked, len(units), drawn, results, left_out)
        audit_manifest.write(root, _manifest(snapshot, report))
    return report


def _left_out(snapshot: CohortSnapshot, names: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The stages that can't be audited, and why."""
    stages = [snapshot.graph.stages[name] for name in names]
    verdicts = assess(snapshot, Workspace(snapshot.root), names)
    taken = adopted.of(snapshot, snapshot.experiments) if snapshot.has_experiments else {}
    for stage in stages:
        if stage.is_data or not stage.cmd:
            yield stage.name, "it is data: nothing makes it"
        elif stage.key is not None and stage.group in taken.get(stage.key, ()):
            yield stage.name, "it was taken over from the lab"
        elif verdicts[stage.name]:
            yield (
                stage.name,
                f"it is not up to date: {verdicts[stage.name].brief(1) or verdicts[stage.name].troubles[0]}",
            )
        elif not stage.outs:
            yield stage.name, "it makes nothing that is recorded"


def _units(snapshot: CohortSnapshot, name: str) -> list[Unit]:
    """What of a stage can be made again by itself."""
    stage = snapshot.graph.stages[name]
    if stage.key is None or not snapshot.has_experiments or not wells.stacked(snapshot, name):
        return [Unit(name)]
    manifest = snapshot.images(stage.key)
    return [Unit(name, well) for well in (manifest.by_well() if manifest else {})] or [Unit(name)]


def _audited(snapshot: CohortSnapshot, name: str, some: list[str], tolerance: float) -> Audited:
    """One stage made again: whole, or these wells of it while the others are kept."""
    stage = snapshot.graph.stages[name]
    is_whole = len(some) == len(_units(snapshot, name))
    stacked = wells.stacked(snapshot, name) if some else []
    engine = LocalEngine()  # of its own: its workers know one folder's modules
    try:
        with sandbox(snapshot.root, stage, _data(snapshot), () if is_whole else some, stacked) as place:
            (place / LOGS).mkdir(parents=True)
            performed = engine.perform(make_task(stage, place.resolve(), {}))
            if performed.code or performed.trouble:
                why = performed.trouble or f"exit status {performed.code}: {''.join(log_tail(place, name, 1))}"
                return Audited(name, some, _FAILED, {}, why)
            compared = _compare(snapshot, stage, place, tolerance)
        _check_untouched(snapshot, name)
    except (MorphseqError, OSError) as error:
        return Audited(name, some, _FAILED, {}, str(error))
    finally:
        engine.close()
    worst = max((one.likeness for one in compared.values()), key=list(Likeness).index)
    return Audited(name, some, str(worst), {path: _in_words(one) for path, one in compared.items()})


def _data(snapshot: CohortSnapshot) -> set[str]:
    """All that stages read and make."""
    return {path for stage in snapshot.graph.stages.values() for path in stage.paths()}


def _check_untouched(snapshot: CohortSnapshot, name: str) -> None:
    """Raise ContentError if a stage, when it ran again, wrote into what it reads: by a link, into the project."""
    if verdict := assess(snapshot, Workspace(snapshot.root), [name])[name]:
        raise ContentError(f"it writes where it reads, and has changed the project: {verdict.brief()}")


def _compare(snapshot: CohortSnapshot, stage: Stage, place: Path, tolerance: float) -> dict[str, Compared]:
    """How each output compares, by its path."""
    entry = snapshot.entries[stage.name]
    contents = Workspace(place).look(out.path for out in stage.outs)
    found = {}
    for out in stage.outs:
        recorded = snapshot.root / out.path
        if contents[out.path].md5 == entry.outs[out.path].md5:
            found[out.path] = Compared(Likeness.SAME)
        elif contents[out.path].md5 is None:
            found[out.path] = Compared(Likeness.OTHER, what="was not made")
        elif recorded.suffix == ".csv" and recorded.is_file() and (place / out.path).is_file():
            found[out.path] = comparing.table(recorded, place / out.path, tolerance)
        else:
            found[out.path] = Compared(Likeness.OTHER, what=_differing(recorded, place / out.path))
    return comparing.followed(found)


_SHOWN = 5


def _differing(recorded: Path, made: Path) -> str:
    """Which files of a folder are others; of a file, nothing more can be said."""
    if not (recorded.is_dir() and made.is_dir()):
        return ""
    old, new = (_files(place) for place in (recorded, made))
    others = sorted(old ^ new)
    same = (name for name in sorted(old & new) if filecmp.cmp(recorded / name, made / name, shallow=False))
    others += sorted((old & new).difference(same))
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    return ", ".join(others[:_SHOWN]) + more


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _in_words(compared: Compared) -> str:
    """An output for people."""
    columns = ", ".join(f"{name} by {share:.2g}" for name, share in compared.columns.items())
    return f"{compared.likeness}{': ' if columns or compared.what else ''}{compared.what or columns}"


def _manifest(snapshot: CohortSnapshot, report: Report) -> AuditManifest:
    reasons = [why.partition(":")[0] for why in report.left_out.values()]
    asked = report.asked
    return AuditManifest(
        audit_manifest.SCHEMA, _commit(snapshot.root), audit_manifest.machine(), audit_manifest.versions(),
        asked.percent, asked.seed, asked.tolerance, report.units, len(report.drawn), report.results,
        {why: reasons.count(why) for why in sorted(set(reasons))}, digest="",
    )  # fmt: skip


def _commit(root: Path) -> str | None:
    """The commit that the project is at, if what it tracks is as there; an earlier audit does not count."""
    try:
        commit = git.commit(root, "HEAD")
    except ConfigError:
        return None
    said = git.run(root, "status", "--porcelain", "--untracked-files=no", "--", f":!{places.AUDIT}")
    return commit if said == b"" else None
