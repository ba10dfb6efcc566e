"""Bringing a data repository to the installed release: what the lab has edited stays, or is merged with what is new."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.base import files, git
from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.cohort import template
from morphseq_manifest.cohort.manifests import project_manifest
from morphseq_manifest.cohort.manifests.project_manifest import ProjectManifest
from morphseq_manifest.tracker.dvc import project_lock

# Beside a file of the lab's, what the release has in its place.
_BESIDE = ".new"


class What(Outcome):
    """What an upgrade does to a file."""

    ADDED = "added", "new in this release", "green"
    UPDATED = "updated", "as it was installed; now as in this release", "green"
    MERGED = "merged", "edited by the lab, and what is new is put into it", "green"
    KEPT = "kept", "edited by the lab, and nothing is new in it", "cyan"
    REMOVED = "removed", "as it was installed; this release has none", "yellow"
    BY_HAND = "to be merged", "edited by the lab in the same places: what is new lies beside it", "red"


class File(NamedTuple):
    """A file of the project, what is done to it, and what it then holds; None if it goes or stays."""

    path: str
    what: What
    data: bytes | None = None


class Upgrade(NamedTuple):
    """From which release to which, and what is done to each file that is not as in both; `record` is the new one."""

    old: str
    new: str
    files: list[File]
    record: ProjectManifest


def plan(root: Path) -> Upgrade:
    """What upgrading the data repository in `root` would do. Raises ConfigError if it is not one that `init` made."""
    before = project_manifest.read(root)
    if before is None:
        raise ConfigError(
            f"{root}: not made by `morphseq init DIR`, so that nothing says what of it is the lab's own. "
            "A clone of the project itself is brought up to date by `git pull`"
        )
    release, contents = template.version(), template.contents()
    record = project_manifest.of(release, contents)
    return Upgrade(before.release, release, list(_files(root, before, contents)), record)


def upgrade(root: Path) -> Upgrade:
    """Do what `plan` says, while nobody else works on the project, and record it. Raises as it does, and BusyError."""
    check_links(root)
    with project_lock.held(root, 0):
        found = plan(root)
        for file in found.files:
            if file.what == What.REMOVED:
                files.remove(root / file.path)
            elif file.data is not None:
                beside = _BESIDE if file.what == What.BY_HAND else ""
                files.write_bytes(root / f"{file.path}{beside}", file.data)
        project_manifest.write(root, found.record)
    return found


def _files(root: Path, before: ProjectManifest, contents: dict[str, bytes]) -> Iterator[File]:
    for path, data in contents.items():
        installed, new, now = before.files.get(path), hash_bytes(data), _read(root / path)
        if now is None:
            if installed is None:
                yield File(path, What.ADDED, data)
            elif installed != new:
                yield File(path, What.BY_HAND, data)  # the lab has deleted it
        elif hash_bytes(now) == new:
            continue
        elif hash_bytes(now) == installed:
            yield File(path, What.UPDATED, data)
        elif installed == new:
            yield File(path, What.KEPT)
        else:
            yield _merged(root, path, installed, now, data)
    for path in sorted(before.files.keys() - contents.keys()):
        now = _read(root / path)
        if now is not None:
            yield File(path, What.REMOVED if hash_bytes(now) == before.files[path] else What.KEPT)


def _merged(root: Path, path: str, installed: str | None, ours: bytes, theirs: bytes) -> File:
    """What the lab has edited, merged with what is new, if git's history still has what both began with."""
    base = next((data for data in _versions(root, Path(path)) if hash_bytes(data) == installed), None)
    if base is None:
        return File(path, What.BY_HAND, theirs)
    try:
        data, conflicts = git.merge_lines(root, [base, ours, theirs])
    except ContentError:
        return File(path, What.BY_HAND, theirs)
    return File(path, What.BY_HAND, theirs) if conflicts else File(path, What.MERGED, data)


def _versions(root: Path, path: Path) -> Iterator[bytes]:
    for commit in git.history(root, path):
        data = git.content(root, commit, path)
        if data is not None:
            yield data


def _read(path: Path) -> bytes | None:
    return files.read_bytes(path, "Restore its permissions") if path.exists() else None
