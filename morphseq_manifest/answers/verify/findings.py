"""What a check of recorded content can find, and how to get the recorded content back."""

import os

import msgspec

from morphseq_manifest.answers.verify.recorded import Record
from morphseq_manifest.cohort.manifests import places, stack_index
from morphseq_manifest.tracker.disk.rehash import Failure
from morphseq_manifest.tracker.disk.wrong import Wrong
from morphseq_manifest.tracker.dvc.cache import DvcCache

_UPDATE = "`dvc repro` brings what is stale up to date"
_REMOVE = "remove what is unrecorded, or `dvc repro` to take it in"
_RESTORE = "restore inputs from your storage; if one was changed on purpose, `dvc repro`"
_PERMIT = "restore the permissions or the storage of what is unreadable, and run this again"


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as recorded: the path, what is wrong with it, and what to do."""

    path: str
    what: Wrong
    expected: str
    found: str
    remedy: str


def unreadable(path: str, error: OSError) -> Finding:
    """What the system would not let us read."""
    return Finding(path, Wrong.UNREADABLE, "", error.strerror or str(error), _PERMIT)


def unrecorded(record: Record, name: str) -> Finding:
    """A file that is in a recorded folder, and in no record."""
    return Finding(f"{record.path}/{name}", Wrong.UNRECORDED, "no file", "a file", _REMOVE)


def missing(cache: DvcCache, record: Record, name: str = "") -> Finding:
    """A path that is not there, or the file `name` of a folder."""
    if name or not record.is_folder:
        expected, found, path = "a file", "nothing", f"{record.path}/{name}".rstrip("/")
    else:
        expected, found, path = f"{record.content.nfiles} files", "none", record.path
    return Finding(path, Wrong.MISSING, expected, found, remedy(cache, record))


def failed(cache: DvcCache, record: Record, failure: Failure) -> Finding:
    """A file whose hashing did not end well."""
    restore = _PERMIT if failure.what == Wrong.UNREADABLE else remedy(cache, record)
    return Finding(failure.path, failure.what, failure.expected, failure.found, restore)


def index_lost(record: Record, there: bool) -> Finding:
    """A contents index that is not the recorded one (`there`), or is gone, while all it lists is as recorded."""
    path, again = f"{record.path}/{stack_index.NAME}", stack_index.REMEDY.replace("FOLDER", record.path)
    return Finding(path, Wrong.DAMAGED if there else Wrong.MISSING, "the list of its folder", "", f"`{again}`")


def stale(record: Record) -> Finding | None:
    """A path that stages recorded with different contents: some ran before it was last made or changed."""
    others = [
        f"{md5} read by {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for md5, names in record.stages.items()
        if md5 != record.content.md5
    ]
    return Finding(record.path, Wrong.STALE, record.content.md5, "; ".join(others), _UPDATE) if others else None


def stale_folder(record: Record, md5: str) -> Finding:
    """A folder that was recorded before some of the files that stages write into it."""
    return Finding(record.path, Wrong.STALE, record.content.md5, f"{md5} by the records of its files", _UPDATE)


def remedy(cache: DvcCache, record: Record) -> str:
    """How to get back the recorded content of a path; `cache` is DVC's."""
    if record.path.startswith(f"{places.FOLDER}/"):
        return f"`git checkout {record.path}`"
    if record.maker is None:
        return _RESTORE
    # DVC knows a file by its inode, size and time: damage that left those alone goes unseen while the file is there.
    if os.path.exists(cache.path(record.content.kept)):  # noqa: PTH110
        return f"`rm {record.path}; dvc checkout {record.path}`"
    again = f"`dvc repro -f -s {record.maker}`"
    return f"`dvc pull {record.path}`, or, if no remote has it, {again}" if cache.config.has_remote else again
