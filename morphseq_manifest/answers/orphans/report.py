"""What experiments and models that are no longer listed have left, with its size: `morphseq orphans`."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from morphseq_manifest.answers.orphans.origin import Origin
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError, ExitCode
from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort import leftovers
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.cache import DvcCache


class Kind(Outcome):
    """What is left."""

    OUTPUT = "output", "what a stage made, as dvc.lock, its history or DVC's cache shows", "yellow"
    UNKNOWN = "not recorded", "it lies where a stage would make it, but nothing shows that one did", "red"
    ENTRY = "in dvc.lock", "the stage's entry", "cyan"
    KEPT = "kept", "what a stage keeps to resume from", "cyan"
    CACHED = "in DVC's cache", "content that only these entries of dvc.lock name; earlier commits may", "cyan"


class Orphan(msgspec.Struct, frozen=True):
    """Something that is left of an experiment or model: where it is, or its name, and how large, in bytes and files."""

    of: str
    kind: Kind
    path: str
    size: int = 0
    nfiles: int = 0


class Report(msgspec.Struct, frozen=True):
    """All that is left, by experiment or model, and what could not be listed."""

    orphans: list[Orphan]
    problems: list[str] = []

    @property
    def deletable(self) -> list[Orphan]:
        """What may be deleted: a stage can make it again, or a commit has it."""
        return [orphan for orphan in self.orphans if orphan.kind in {Kind.OUTPUT, Kind.ENTRY, Kind.KEPT}]

    @property
    def exit_code(self) -> ExitCode:
        """4 if something could not be looked at, else 0: what is left makes nothing stale."""
        return ExitCode.UNREADABLE if self.problems else ExitCode.OK


def look(root: Path, names: Collection[str] = ()) -> Report:
    """What is left of all that is not listed, or of these experiments and models.

    Raises ConfigError for a name of which nothing is left, and as CohortSnapshot does.
    """
    snapshot = CohortSnapshot(root)
    problems: list[str] = []
    found = sorted(
        _found(snapshot, problems), key=lambda orphan: (orphan.of, list(Kind).index(orphan.kind), orphan.path)
    )
    known = {orphan.of for orphan in found}
    if unknown := sorted(set(names) - known):
        raise ConfigError(f"nothing is left of {unknown[0]!r}{suggest(unknown[0], known)}")
    return Report([orphan for orphan in found if not names or orphan.of in names], problems)


def _found(snapshot: CohortSnapshot, problems: list[str]) -> Iterator[Orphan]:
    places = [
        *leftovers.of_experiments(snapshot, Workspace(snapshot.root), problems),
        *leftovers.of_models(snapshot, problems),
    ]
    entries = list(leftovers.entries(snapshot))
    origin = Origin(snapshot)
    for key, path, is_output in places:
        if is_output and path != files.printable(path):
            problems.append(f"{files.printable(path)}: its name is not UTF-8. Give it another, or delete it by hand")
        elif is_output:
            kind = Kind.OUTPUT if origin.is_known(path) else Kind.UNKNOWN
            yield Orphan(key, kind, path, *size_of(snapshot.root / path))
    for key, name in entries:
        yield Orphan(key, Kind.ENTRY, name)
    yield from _cached(snapshot, entries)
    for key in sorted({key for key, _, is_output in places if is_output} | {key for key, _ in entries}):
        yield from _kept(snapshot.root, key)


def _kept(root: Path, key: str) -> Iterator[Orphan]:
    """What stages keep of an experiment in the project's own folder."""
    for path in sorted((root / files.OWN).glob("*.journal")):
        if path.name.endswith(f".{key}.journal"):
            yield Orphan(key, Kind.KEPT, path.relative_to(root).as_posix(), *size_of(path))


def _cached(snapshot: CohortSnapshot, entries: list[tuple[str, str]]) -> Iterator[Orphan]:
    """What is in DVC's cache of the outputs of these entries, each content once, but for what others have, too."""
    left = {name for _, name in entries}
    seen = {out.kept for name, entry in snapshot.lock.items() if name not in left for out in entry.outs.values()}
    cache = DvcCache(snapshot.root)
    for key, name in entries:
        for out in snapshot.lock[name].outs.values():
            if out.kept not in seen and (path := Path(cache.path(out.kept))).exists():
                yield Orphan(key, Kind.CACHED, path.name, out.size or 0, out.nfiles or 1)
            seen.add(out.kept)


def size_of(path: Path) -> tuple[int, int]:
    """Bytes and files of a file or a folder, without those that links lead to."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size, 1
    inside = [Path(folder, name).lstat().st_size for folder, _, names in os.walk(path) for name in names]
    return sum(inside), len(inside)
