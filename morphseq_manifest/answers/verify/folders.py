"""What a recorded folder should hold: three kinds, by what is known of the files in it.

An indexed folder has a list of its files with their hashes: the images manifest, or the contents index that a stage
writes beside its stacks. A shared folder holds what several stages made, each file with a record of its own. Of any
other folder (a model, the lab's older masks) dvc.lock has one md5 for the whole.
"""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from morphseq_manifest.answers.verify.findings import (
    Finding,
    failed,
    index_lost,
    missing,
    stale_folder,
    unreadable,
    unrecorded,
)
from morphseq_manifest.answers.verify.recorded import Record, Scope
from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.base.kinds import known
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.cohort.manifests import images_manifest, stack_index
from morphseq_manifest.cohort.manifests.images_manifest import Frame, ImagesManifest
from morphseq_manifest.cohort.manifests.stack_index import Entry
from morphseq_manifest.tracker.disk.folder_names import names
from morphseq_manifest.tracker.disk.rehash import Failure, Job
from morphseq_manifest.tracker.dvc.cache import DvcCache
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5

# How many choices of files to leave out are tried, to name those that were added to a folder.
_TRIES = 1000


class Listing(msgspec.Struct, frozen=True):
    """What is to be hashed, and what the names alone already show."""

    jobs: list[Job]
    findings: list[Finding]


class IndexedFolder(msgspec.Struct, frozen=True):
    """A folder with a list of its files: those `gone`, and the `strangers` in it that the list does not speak of."""

    cache: DvcCache
    record: Record
    listed: Mapping[str, Frame | Entry]
    gone: set[str]
    strangers: list[str]

    def doubtful(self) -> list[str]:
        """Names that the list does not have."""
        return self.strangers

    def listing(self, ignored: set[str]) -> Listing:
        """Every listed file that is there is to be hashed."""
        if len(self.gone) == len(self.listed) > 0:
            return Listing([], [missing(self.cache, self.record)])
        findings = [missing(self.cache, self.record, name) for name in self.gone]
        findings += [unrecorded(self.record, name) for name in self.strangers if name not in ignored]
        place, gone, listed = self.record.path, self.gone, self.listed.items()
        jobs = [Job(f"{place}/{name}", entry.size, entry.xxh3_128) for name, entry in listed if name not in gone]
        return Listing(jobs, findings)


class SharedFolder(msgspec.Struct, frozen=True):
    """A folder into which several stages write, each file with a record of its own.

    `members` are the records by name; `former` the names of experiments that are no longer listed.
    """

    root: Path
    record: Record
    names: list[str]
    members: Mapping[str, Record]
    former: set[str]

    def doubtful(self) -> list[str]:
        """Names that no stage recorded."""
        return [name for name in self.names if name not in self.members]

    def listing(self, ignored: set[str]) -> Listing:
        """Its files are hashed for their own records; here only names count, and whether the records agree."""
        strangers, findings = self._read([name for name in self.doubtful() if name not in ignored])
        here = set(self.names)
        members = {
            name: member.content.md5 for name, member in self.members.items() if name in here or name not in self.former
        }
        recorded = self.record.stages
        if folder_md5(members | strangers) in recorded:
            return Listing([], findings)
        findings += [unrecorded(self.record, name) for name in strangers]
        if (md5 := folder_md5(members)) not in recorded:
            findings.append(stale_folder(self.record, md5))
        return Listing([], findings)

    def _read(self, names: list[str]) -> tuple[dict[str, str], list[Finding]]:
        """The md5 of files nobody recorded: they are as recorded after all if the folder's md5 counts them in."""
        md5s, findings = {}, []
        for name in names:
            try:
                md5s[name] = md5_bytes(read_small(self.root / self.record.path / name))
            except OSError as error:
                findings.append(unreadable(f"{self.record.path}/{name}", error))
        return md5s, findings


class WholeFolder(msgspec.Struct, frozen=True):
    """A folder of which only the md5 of the whole is known."""

    cache: DvcCache
    record: Record
    names: list[str]

    def doubtful(self) -> list[str]:
        """All names, where they are not as many as were recorded."""
        return [] if len(self.names) == self.record.content.nfiles else self.names

    def listing(self, ignored: set[str]) -> Listing:
        """It is to be hashed as one."""
        record = self.record
        names = tuple(sorted(name for name in self.names if name not in ignored))
        if not names and record.content.nfiles:
            return Listing([], [missing(self.cache, record)])
        job = Job(record.path, record.content.size, record.content.md5, md5=True, files=names, others=record.others)
        return Listing([job], [])


Folder = IndexedFolder | SharedFolder | WholeFolder


def look(root: Path, record: Record, scope: Scope, images: str | None) -> Folder | Finding:
    """What is known of a recorded folder; `images` is the images manifest that lists it, if one does.

    A Finding where the folder is not there or can't be listed.
    """
    try:
        present = names(root / record.path)
    except (FileNotFoundError, NotADirectoryError):
        return missing(scope.cache, record)
    except OSError as error:
        return unreadable(record.path, error)
    if index := _listed_frames(root, scope, images) if images else _indexed(root, record):
        listed, known = index
        here = set(present)
        strangers = [name for name in here - listed.keys() if not known(name)]
        return IndexedFolder(scope.cache, record, listed, listed.keys() - here, strangers)
    inside = f"{record.path}/"
    records = scope.former | scope.current
    members = {path.removeprefix(inside): records[path] for path in records if path.startswith(inside)}
    if members and not any(member.is_folder for member in members.values()):
        former = {name for name in members if inside + name not in scope.current}
        return SharedFolder(root, record, present, members, former)
    return WholeFolder(scope.cache, record, present)


Index = tuple[Mapping[str, Frame | Entry], Callable[[str], bool]]


def _listed_frames(root: Path, scope: Scope, path: str) -> Index | None:
    """The frames of a manifest; None if it is not the recorded one, which is found when it is hashed itself."""
    try:
        data = read_small(root / path)
    except OSError:
        return None
    if md5_bytes(data) != scope.current[path].content.md5:
        return None
    manifest = _frames(data, str(root / path))
    others = {problem.path for problem in manifest.problems}

    def known(name: str) -> bool:
        return name.startswith(".") or name.partition("/")[0] in others

    return {frame.path: frame for frame in manifest.frames}, known


def _frames(data: bytes, name: str) -> ImagesManifest:
    """The manifest in bytes that are known to be the recorded ones: their own digest need not be checked again."""
    try:
        manifest = msgspec.json.decode(data, type=known(ImagesManifest))
        if manifest.schema == images_manifest.SCHEMA:
            return manifest
    except msgspec.DecodeError:
        pass
    return images_manifest.parse(data, name)  # says what is wrong


def _indexed(root: Path, record: Record) -> Index | None:
    """The stacks of a contents index; None if there is none, or another one than was recorded."""
    try:
        found = stack_index.read(root / record.path)
    except (ContentError, UnreadableError):
        return None
    if found is None or found.folder_md5() != record.content.md5:
        return None
    return {entry.path: entry for entry in found.files}, lambda name: name == stack_index.NAME


def explain(root: Path, scope: Scope, failure: Failure) -> list[Finding]:
    """Name what can be named in a folder that as a whole is not the recorded one.

    Reads it again. Raises UnreadableError if that fails.
    """
    record = scope.record(failure.job.path)
    folder, recorded, counted = root / record.path, record.content, failure.job.files
    index = stack_index.build(folder, [name for name in counted if name != stack_index.NAME])
    md5s = {entry.path: entry.md5 for entry in index.files}
    if stack_index.NAME in counted:
        md5s[stack_index.NAME] = md5_bytes(read_small(folder / stack_index.NAME))
    if index.folder_md5() == recorded.md5:
        return [index_lost(record, stack_index.NAME in counted)]
    added = len(counted) - (recorded.nfiles or len(counted))
    for some in itertools.islice(itertools.combinations(counted, added), _TRIES) if added > 0 else ():
        if folder_md5({name: md5 for name, md5 in md5s.items() if name not in some}) == recorded.md5:
            return [unrecorded(record, name) for name in some]
    return [failed(scope.cache, record, failure)]
