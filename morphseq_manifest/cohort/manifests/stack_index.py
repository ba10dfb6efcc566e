"""The contents index of a folder of image stacks: which files a stage wrote into it, with which content.

dvc.lock has one md5 for a whole folder, so that a damaged stack in it could not be named. The stage therefore
writes `contents.json` (canonical) beside the stacks, in the same step. It holds each file's md5 too: from those the
folder's md5 follows, which shows that an index is the recorded one without reading a stack.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec
import xxhash

from morphseq_manifest.base import files
from morphseq_manifest.base.console import Command, note
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.cohort.manifests import canonical
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5

SCHEMA = "morphseq/contents/1"
NAME = "contents.json"
REMEDY = "python -m morphseq_manifest.cohort.manifests.stack_index FOLDER"
_CHUNK = 1 << 20


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


def walk(folder: Path) -> list[str]:
    """The files in a folder as DVC counts them, by their paths in it, in no order; what a killed process left is none.

    Raises OSError where a folder can't be listed.
    """
    found: list[str] = []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                if not _is_folder(entry):
                    found.append(inside + entry.name)
                elif not entry.is_symlink():
                    waiting.append(f"{inside}{entry.name}/")
    return [name for name in found if f"/{files.TEMPORARY}" not in f"/{name}"]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def build(folder: Path, names: Iterable[str] | None = None) -> Contents:
    """Index files of a folder: `names`, or all that it holds, an index aside.

    Raises UnreadableError naming the file or folder.
    """
    try:
        some = [name for name in walk(folder) if name != NAME] if names is None else names
        entries = [_entry(folder, name) for name in sorted(some)]
    except OSError as error:
        raise UnreadableError(f"{error.filename or folder}: can't be read ({error.strerror}). Restore it") from error
    return canonical.seal(Contents(SCHEMA, entries, digest=""))


def _entry(folder: Path, name: str) -> Entry:
    size, xxh3, md5 = 0, xxhash.xxh3_128(), hashlib.md5(usedforsecurity=False)
    with (folder / name).open("rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            xxh3.update(chunk)
            md5.update(chunk)
    return Entry(name, size, xxh3.hexdigest(), md5.hexdigest())


def write(folder: Path) -> None:
    """Index a folder of stacks in itself, in one step. Raises UnreadableError naming what can't be read."""
    files.write_bytes(folder / NAME, canonical.dump(build(folder)))


def read(folder: Path) -> Contents | None:
    """The index of a folder; None where it has none.

    Raises UnreadableError if it can't be read, ContentError if it was edited or cut.
    """
    path = folder / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableError(f"{path}: can't be read ({error.strerror}). Restore its permissions") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Contents:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    return canonical.parse(data, Contents, SCHEMA, name, f"Write it again from the stacks: `{REMEDY}`")


@click.command(cls=Command)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(folder: Path) -> None:
    """Index the stacks in FOLDER as they are now; `morphseq verify` says whether they are the recorded ones."""
    write(folder)
    note(f"{folder / NAME} written")


if __name__ == "__main__":
    main()
