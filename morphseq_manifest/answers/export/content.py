"""What goes into a crate: the tables, and all small files that say where they come from; of one moment."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.answers.export import run
from morphseq_manifest.answers.export.run import Run
from morphseq_manifest.base import git
from morphseq_manifest.base.errors import ConfigError, ContentError, UnreadableError
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES, manifest_of, table_path
from morphseq_manifest.tracker import kept_content
from morphseq_manifest.tracker.dvc import definition
from morphseq_manifest.tracker.dvc.lock_reading import LOCK, Lock
from morphseq_manifest.tracker.dvc.params_file import PARAMS

_NEEDED = (definition.PIPELINE, PARAMS, LOCK)
_SHOWN = 10


class Content(NamedTuple):
    """The small files by path, where the tables' content is, what both say of the run, and of which commit it is.

    `changed` are the small files that this commit has otherwise, or not at all.
    """

    texts: dict[str, bytes]
    large: dict[str, Path]
    run: Run
    commit: str
    changed: list[str]


def gather(root: Path, tables: Sequence[str], rev: str | None) -> Content:
    """What goes into a crate of these tables, as they are or as of a commit.

    Raises as `manifest_of`, `table_path` and `kept_content.find` do; UnreadableError naming all that is not there;
    ContentError for a path outside of the project; ConfigError if nothing was ever committed, and for a small file that
    is a link.
    """
    soon = [LOCK, *(places.cohort(table) for table in TABLES)]
    snapshot = CohortSnapshot(root, rev, soon=soon)
    for table in tables:
        table_path(table, manifest_of(table, snapshot), snapshot)
    manifests = {table: manifest for table in TABLES if (manifest := snapshot.cohort(table))}
    experiments = sorted({name for manifest in manifests.values() for name in manifest.experiments})
    lock = snapshot.lock
    stages = run.before(lock, tables, experiments)
    paths = [*_NEEDED, *_manifests(snapshot, stages, experiments)]
    _check_inside([*(str(path) for path in paths), *(path for _, path in _outputs(snapshot, tables))])
    if snapshot.commit:
        snapshot = CohortSnapshot(root, snapshot.commit, soon=paths)  # all at once
    commit, committed = git.commit_with(root, snapshot.commit or "HEAD", [] if snapshot.commit else paths)
    _check_links(snapshot, paths)
    read = {path: snapshot.content(path) for path in paths}
    if missing := [snapshot.name(path) for path, data in read.items() if data is None]:
        raise _not_there(missing, "`git checkout` brings it back, or run its stage again")
    texts = {path.as_posix(): data for path, data in read.items() if data is not None}
    changed = [] if snapshot.commit else [str(path) for path in paths if committed.get(path) != read[path]]
    return Content(texts, _large(snapshot, tables), run.told(texts, tables, lock), commit, changed)


def _manifests(snapshot: CohortSnapshot, stages: Lock, experiments: Iterable[str]) -> list[Path]:
    """The manifests that these stages have made, and those that are written otherwise, if they are there."""
    made = {Path(path): out for entry in stages.values() for path, out in entry.outs.items() if _is_manifest(path)}
    folders = [place for place, out in made.items() if out.nfiles is not None]
    inside = [place / name for place in folders for name in snapshot.names_in(place)]
    adopted, top = snapshot.names_in(places.ADOPTED), snapshot.names_in(places.FOLDER)
    others = [path for path in (places.CODE, places.PROJECT, places.AUDIT) if path.name in top]
    others += [path for path in map(places.adopted, experiments) if path.name in adopted]
    return sorted({*(made.keys() - set(folders)), *inside, *others})


def _is_manifest(path: str) -> bool:
    return path.startswith(f"{places.FOLDER}/")


def _large(snapshot: CohortSnapshot, tables: Sequence[str]) -> dict[str, Path]:
    """Where the tables' content is, and that of their typed copies."""
    found, missing = {}, []
    for table, path in _outputs(snapshot, tables):
        place = kept_content.find(snapshot, table, path)
        found[path] = place
        if not place.is_file():
            missing.append(path)
    if missing:
        raise _not_there(missing, "`dvc pull` or `dvc checkout` brings it back, or `dvc repro` makes it again")
    return found


def _outputs(snapshot: CohortSnapshot, tables: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each table's files. What its stage tells of it besides, metrics and points of plots, its manifest has, too."""
    for table in tables:
        entry = snapshot.entry(table)
        assert entry is not None
        yield from ((table, path) for path in entry.outs if not path.endswith(".json"))


def _check_inside(paths: Iterable[str]) -> None:
    """Raise ContentError for a path that is not one in the project, by which a crate would be written elsewhere."""
    for path in paths:
        if "\n" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise ContentError(f"{LOCK}: {path!r} is not a path in the project. Restore it: `git checkout {LOCK}`")


def _check_links(snapshot: CohortSnapshot, paths: Iterable[Path]) -> None:
    """Raise ConfigError for a link: a stranger's could lead to what is nobody else's business."""
    if snapshot.commit:
        return
    inside = os.path.realpath(snapshot.root)
    for path in paths:
        if os.path.realpath(snapshot.root / path) != f"{inside}/{path.as_posix()}":
            raise ConfigError(f"{snapshot.root / path}: a link, which is not followed. Put the file itself there")


def _not_there(paths: Sequence[str], remedy: str) -> UnreadableError:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return UnreadableError(f"{', '.join(paths[:_SHOWN])}{more}: not there. {remedy}")
