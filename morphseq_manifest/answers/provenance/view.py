"""What `morphseq provenance` and `morphseq diff` show people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from morphseq_manifest.answers import changes, warnings
from morphseq_manifest.answers.changes import ABSENT, Change
from morphseq_manifest.answers.provenance.membership import Provenance
from morphseq_manifest.base import display, git
from morphseq_manifest.cohort.snapshot import CohortSnapshot

if TYPE_CHECKING:
    from morphseq_manifest.answers.provenance.difference import Difference
    from morphseq_manifest.answers.provenance.lineage import Lineage
    from morphseq_manifest.answers.provenance.table_check import Origin

_SHOWN = 20


def show_states(found: Provenance) -> None:
    """A row an experiment, and how many there are of each state."""
    title, rows = found.shown()
    display.show_table(rows, title)
    display.show_warnings(warnings.of_tables({found.table: found.manifest}))


def show_findings(path: str, differences: list[Change]) -> None:
    """What a check of a table found, by experiment."""
    if not differences:
        display.show(f"{path}: every row is as recorded")
        return
    rows = [{"experiment": c.name, "what": c.kind, "recorded": c.old, "found": c.new} for c in differences]
    display.show_table(rows, f"{path}: not what its manifest says")


def show_origin(path: str, origin: "Origin | None", root: Any) -> None:
    """Where a copy of a table comes from."""
    if origin is None:
        display.show(f"{path}: not known: no commit of this project has a table with any of these experiments' rows")
        if git.shallow(root):
            display.show("older commits are not in this shallow clone: `git fetch --unshallow` brings them")
        return
    where = git.describe(root, origin.commit) if origin.commit else "the working tree (not committed)"
    if not origin.differences:
        parts = origin.manifest.experiments
        rows = [
            {"experiment": k, "rows": p.rows, "embryos": p.embryos, "contributed": p.contributed}
            for k, p in parts.items()
        ]
        count = display.counted(len(parts), "experiment")
        display.show_table(rows, f"{path}: {origin.table} of {where}: {origin.manifest.rows} rows of {count}")
        return
    display.show(f"{path}: not known. Nearest is {origin.table} of {where}")
    show_findings(path, origin.differences)


def show_lineage(lineage: "Lineage") -> None:
    """The lineage of one experiment, last step first."""
    rows: list[dict[str, Any]] = []
    for step in lineage.steps:
        name = f"{step.stage} (v{step.version})"
        if step.rows is not None:
            rows.append(
                {"step": name, "what": "rows", "path": f"{step.rows} rows", "hash": step.contributed, "size": None}
            )
            name = ""
        for item in step.items:
            files = f" ({item.nfiles} files)" if item.nfiles else ""
            rows.append(
                {"step": name, "what": item.role, "path": item.path + files, "hash": item.md5, "size": item.size}
            )
            name = ""
        for key, value in changes.flatten(step.settings).items():
            rows.append({"step": name, "what": "setting", "path": f"{key}: {value}", "hash": None, "size": None})
    recorded = lineage.commit or "not committed: `git add dvc.lock manifests && git commit` records it"
    display.show_table(rows, f"{lineage.experiment}, back to its frames. Recorded in: {recorded}")
    if lineage.frames:
        counts = ", ".join(f"{count} {name}" for name, count in lineage.frames.items())
        display.show(f"{counts} in its images manifest")


def show_difference(difference: "Difference", old: CohortSnapshot, new: CohortSnapshot) -> None:
    """What differs between two moments, a block a kind; of many frames of an experiment the first."""
    title = f"from {old.label} to {new.label}"
    if not difference:
        display.show(f"No difference {title}")
        return
    for name in ("experiments", "settings", "versions"):
        changes_ = getattr(difference, name)
        _show_changes(f"{name} {title}", changes_, changes_)
    for name, changes_ in difference.frames.items():
        _show_changes(f"frames of {name} {title}", changes_, _few(changes_))
    for name, changes_ in difference.rows.items():
        _show_changes(f"rows of {name} {title}", changes_, changes_)
    _show_changes(f"outputs recorded in dvc.lock {title}", difference.outputs, _few(difference.outputs))


def _few(frames: Sequence[Change]) -> Sequence[Change]:
    """The first of them; none if all of many were added, or all removed: what is to be said is how many."""
    if len(frames) <= _SHOWN:
        return frames
    ways = {(frame.old is ABSENT, frame.new is ABSENT) for frame in frames}
    return frames[:_SHOWN] if len(ways) > 1 or ways == {(False, False)} else []


def _show_changes(title: str, every: Sequence[Change], shown: Sequence[Change]) -> None:
    """Some of the changes under a title with how many there are."""
    if every:
        rows = [{"what": change.name, "old": change.old, "new": change.new} for change in shown]
        display.show_table(rows, f"{title}: {_counts(every)}")
        if len(shown) < len(every):
            display.show(f"and {len(every) - len(shown)} more; --json has them all" if shown else "--json has them all")
        display.show()


def _counts(every: Sequence[Change]) -> str:
    """How many were added, removed and changed."""
    added, removed = (sum(getattr(change, side) is ABSENT for change in every) for side in ("old", "new"))
    counts = {"added": added, "removed": removed, "changed": len(every) - added - removed}
    return ", ".join(f"{count} {how}" for how, count in counts.items() if count)
