"""The contents index of a folder of image stacks: which files a stage wrote into it, with which content.

dvc.lock has one md5 for a whole folder, so that a damaged stack in it could not be named. The stage therefore
writes `contents.json` (canonical) beside the stacks, in the same step. It holds each file's md5 too: from those the
folder's md5 follows, which shows that an index is the recorded one without reading a stack.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import xxhash

from morphseq_manifest.base import files
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.base.reading import feed
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.cohort.manifests import canonical
from morphseq_manifest.tracker.disk.folder_names import names
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5

SCHEMA = "morphseq/contents/1"
NAME = "contents.json"
REMEDY = "morphseq index FOLDER"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: `path` from the folder, `size` in bytes, its content's two hashes."""

    path: str
    size: int
    xxh3_128: str
    md5: str


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A folder's files, sorted by path, and the digest of the list."""

    schema: str
    files: list[Entry]
    digest: str

    def folder_md5(self) -> str:
        """The md5 that dvc.lock has for the folder if it holds just these files and this index."""
        listed = {entry.path: entry.md5 for entry in self.files}
        return folder_md5(listed | {NAME: md5_bytes(canonical.dump(self))})


def build(folder: Path, chosen: Iterable[str] | None = None) -> Contents:
    """Index files of a folder: those `chosen`, or all that it holds, an index aside.

    Raises UnreadableError naming the file or folder.
    """
    try:
        indexed = [name for name in names(folder) if name != NAME] if chosen is None else chosen
        entries = [_entry(folder, name) for name in sorted(indexed)]
    except OSError as error:
        raise files.unreadable(error.filename or folder, error, "Restore it") from error
    return canonical.seal(Contents(SCHEMA, entries, digest=""))


def _entry(folder: Path, name: str) -> Entry:
    import hashlib  # slow to start with, and who reads an index needs none

    xxh3, md5 = xxhash.xxh3_128(), hashlib.md5(usedforsecurity=False)
    stat = feed(f"{folder}/{name}", (xxh3, md5))
    return Entry(name, stat.size, xxh3.hexdigest(), md5.hexdigest())


def write(folder: Path) -> None:
    """Index a folder of stacks in itself, in one step. Raises UnreadableError naming what can't be read."""
    files.write_bytes(folder / NAME, canonical.dump(build(folder)))


def read(folder: Path) -> Contents | None:
    """The index of a folder; None if it has none.

    Raises UnreadableError if it can't be read, ContentError if it was edited or cut.
    """
    path = folder / NAME
    try:
        data = read_small(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise files.unreadable(path, error, "Restore its permissions") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Contents:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    return canonical.parse(data, Contents, SCHEMA, name, f"Write it again from the stacks: `{REMEDY}`")
