"""A cohort table itself, held against its manifest: the rows of every experiment, and copies found anywhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.answers.changes import Change
from morphseq_manifest.answers.provenance import figures
from morphseq_manifest.base import git
from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.hashing import hash_file, md5_bytes
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.cohort.manifests import cohort_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.cohort.manifests.table_blocks import count_expected
from morphseq_manifest.cohort.manifests.table_rows import Counted, count_table
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES


def compare_rows(manifest: CohortManifest, counted: Counted) -> list[Change]:
    """By experiment, what differs between a manifest and the rows of a table; the table's own faults first."""
    differences = [Change("line", fault, "", "") for fault in counted.faults]
    if len(counted.columns) != manifest.columns:
        differences.append(Change("columns", manifest.table, manifest.columns, len(counted.columns)))
    for experiment in sorted(manifest.experiments.keys() | counted.experiments.keys()):
        part, rows = manifest.experiments.get(experiment), counted.experiments.get(experiment)
        old, new = part.rows if part else 0, rows.rows if rows else 0
        if old != new:
            differences.append(Change("rows", experiment, old, new))
        elif part and rows and part.contributed != rows.contributed:
            differences.append(Change("content of rows", experiment, part.contributed, rows.contributed))
    order = [experiment for experiment in counted.experiments if experiment in manifest.experiments]
    if not differences and order != sorted(order):
        differences.append(Change("order", "experiments", sorted(order), order))
    return differences


def check(table: str, path: Path, manifest: CohortManifest, snapshot: CohortSnapshot) -> list[Change]:
    """What differs between a manifest and all that its figures can be computed from again; empty if nothing does."""
    counted = count_expected(path, manifest.experiments)
    differences = compare_rows(manifest, counted)
    if not differences and (found := hash_file(path)) != manifest.hash:
        differences.append(Change("bytes", path.name, manifest.hash, found))
    entry = snapshot.lock[table]
    differences += manifest_changed(table, snapshot)
    if not counted.faults:  # a table with cut lines has no columns to read
        differences += figures.of_table(table, path, manifest, counted.columns)
    differences += figures.of_lock(table, manifest, entry)
    differences += figures.of_contents(table, manifest, entry, snapshot)
    differences += figures.of_parts(table, manifest, snapshot)
    differences += figures.of_frames(manifest, snapshot)
    differences += figures.of_columns(table, manifest, snapshot)
    differences += figures.of_earlier(manifest, entry, snapshot)
    differences += figures.of_experiments(snapshot)
    return list({(change.kind, change.name): change for change in differences[::-1]}.values())[::-1]


def manifest_changed(table: str, snapshot: CohortSnapshot) -> list[Change]:
    """The manifest as a change, if it is not the one that the table's stage wrote, as dvc.lock has it."""
    path = places.cohort(table)
    entry, data = snapshot.lock.get(table), snapshot.content(path)
    recorded = entry.outs.get(str(path)) if entry else None
    if data is None or recorded is None or md5_bytes(data) == recorded.md5:
        return []
    return [Change("manifest", str(path), recorded.md5, md5_bytes(data))]


class Origin(NamedTuple):
    """Where a copy of a table comes from: its manifest, the commit (None: the working tree), and what differs."""

    table: str
    manifest: CohortManifest
    commit: str | None
    differences: list[Change]


def recognise(path: Path, root: Path) -> Origin | None:
    """Find a copy of a cohort table in the history of the manifests, by its hash.

    Where no commit knows these bytes, the nearest: the newest manifest with the most experiments whose rows are the
    same, and what differs. None if no experiment's rows are known. Raises UnreadableError if there is no such
    file, ContentError if it is not a cohort table.
    """
    digest = hash_file(path)
    counted: Counted | None = None
    nearest: tuple[int, Origin] | None = None
    for table, commit, manifest in recorded_manifests(root):
        if manifest.hash == digest:
            return Origin(table, manifest, commit, [])
        counted = counted or count_table(path)
        same = sum(
            experiment in counted.experiments and counted.experiments[experiment].contributed == part.contributed
            for experiment, part in manifest.experiments.items()
            if part.rows
        )
        if same and (nearest is None or same > nearest[0]):
            nearest = same, Origin(table, manifest, commit, compare_rows(manifest, counted))
    return nearest[1] if nearest else None


def recorded_manifests(root: Path) -> Iterator[tuple[str, str | None, CohortManifest]]:
    """Every cohort manifest there is and was, newest first: (table, commit or None for the working tree, manifest).

    One in the history that can't be read any more is passed over: another version of this project wrote it.
    """
    seen: set[bytes] = set()
    for table in TABLES:
        path = places.cohort(table)
        for commit in git.history(root, path):
            data = git.content(root, commit, path)
            if data is None or data in seen:
                continue
            seen.add(data)
            try:
                yield table, commit, cohort_manifest.parse(data, f"{path} at {commit}")
            except ContentError:
                continue
        try:
            data = read_small(root / path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UnreadableError(f"{root / path}: can't be read ({error.strerror})") from error
        if data not in seen:
            yield table, None, cohort_manifest.parse(data, str(root / path))
