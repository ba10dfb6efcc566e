"""What differs between two moments of the project: experiments, frames, settings, versions, rows."""

from pathlib import Path

import msgspec

from morphseq_manifest.answers import changes
from morphseq_manifest.answers.changes import Change
from morphseq_manifest.base.answer import Answer, Row
from morphseq_manifest.cohort.manifests.cohort_manifest import Contribution
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES


class Difference(Answer, msgspec.Struct, frozen=True):
    """All that differs: experiments, their frames, settings, versions, rows by table, and outputs' md5 in dvc.lock."""

    experiments: list[Change]
    frames: dict[str, list[Change]]
    settings: list[Change]
    versions: list[Change]
    rows: dict[str, list[Change]]
    outputs: list[Change]

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)

    def records(self) -> list[Row]:
        """A row a change: what kind of thing, of which experiment or table if it is of one, its name, old and new."""
        found = [("", change) for name in _PLAIN for change in getattr(self, name)]
        found += [(of, change) for by in (self.frames, self.rows) for of, changed in by.items() for change in changed]
        return [
            {"kind": change.kind, "of": of, "name": change.name, "old": change.old, "new": change.new}
            for of, change in found
        ]

    def shown(self) -> tuple[str, list[Row]]:
        """The title and the changes."""
        records = self.records()
        return f"{len(records)} difference{'s' * (len(records) != 1)}", records


_PLAIN = ("experiments", "settings", "versions", "outputs")


def diff(old: str = "HEAD", new: str | None = None, root: Path | str = ".") -> Difference:
    """What differs between two commits, or between one and the working tree of `root`, as small files in git tell.

    Raises ConfigError if one is not a commit, ContentError if a file that tells is damaged.
    """
    return between(CohortSnapshot(Path(root), old), CohortSnapshot(Path(root), new))


def between(old: CohortSnapshot, new: CohortSnapshot) -> Difference:
    """Compare two moments, from their params, manifests and dvc.lock alone. Raises if one of these is damaged."""
    experiments = changes.compare(
        "experiment",
        {name: item.segmenter for name, item in old.params.experiments.items()},
        {name: item.segmenter for name, item in new.params.experiments.items()},
    )
    both = sorted(old.params.experiments.keys() | new.params.experiments.keys())
    frames = {name: changes.frames(old.images(name), new.images(name)) for name in both}
    plain = [{k: v for k, v in at.params.values.items() if k not in {"experiments", "versions"}} for at in (old, new)]
    rows = {}
    for table in TABLES:
        parts = [manifest.experiments if manifest else {} for manifest in (old.cohort(table), new.cohort(table))]
        rows[table] = _rows(*parts)
    return Difference(
        experiments=experiments,
        frames={name: changed for name, changed in frames.items() if changed},
        settings=changes.settings(*plain),
        versions=changes.compare("version", *(at.params.values.get("versions", {}) for at in (old, new))),
        rows={table: changed for table, changed in rows.items() if changed},
        outputs=changes.compare("output", _outputs(old), _outputs(new)),
    )


def _outputs(at: CohortSnapshot) -> dict[str, str]:
    """The md5 of each output that dvc.lock records, by path."""
    return {path: out.md5 for stage in at.lock.values() for path, out in stage.outs.items()}


def _rows(old: dict[str, Contribution], new: dict[str, Contribution]) -> list[Change]:
    """The experiments whose rows differ: their numbers, or, where these are the same, the hashes of the rows."""
    changed = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before and after and before.rows == after.rows:
            if before.contributed != after.contributed:
                changed.append(Change("content of rows", name, before.contributed, after.contributed))
        else:
            changed.append(Change("rows", name, before.rows if before else None, after.rows if after else None))
    return changed
