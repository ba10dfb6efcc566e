"""Stacks kept from an earlier run, or one that was interrupted: a stage makes only those whose key has changed.

While a stage runs, its stacks gather in a folder beside its output, `.morphseq-{name}.partial`, with a journal of the
groups (wells) that are complete. When all are there the folder gets its index and replaces the output. A run that
ends early leaves both behind, and the next run resumes from them; .dvcignore leaves them out, so that nothing in
them is ever taken for content. A stack is kept only if its content is what was recorded with its key.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.base.hashing import hash_file
from morphseq_manifest.base.journal import Journal
from morphseq_manifest.cohort.manifests import stack_index
from stages.files import stacks


class Group(msgspec.Struct, frozen=True):
    """The stacks made together, of one well: their key, and the xxh3_128 of each by its name; there may be none."""

    name: str
    key: str
    files: dict[str, str]


class Shelf:
    """The stacks of one output folder, as a run gathers them. Raises as Journal does."""

    def __init__(self, place: Path, group_of: Callable[[str], str]) -> None:
        place = Path(os.path.realpath(place))
        self.place = place
        self.partial = place.parent / f"{files.TEMPORARY}{place.name}.partial"
        self.partial.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(place.parent / f"{files.TEMPORARY}{place.name}.journal", Group)
        self._begun = {group.name: group for group in self.journal.records}
        self._earlier = _earlier_groups(place, group_of)
        self._complete: dict[str, Group] = {}

    def keeps(self, name: str, key: str) -> bool:
        """Whether a group's stacks are there, whole and made from the same; if so, they become part of this run."""
        begun = self._begun.get(name)
        if begun is not None and begun.key == key and self._holds(begun):
            self._complete[name] = begun
            return True
        earlier = Group(name, key, self._earlier.get(name, {}))
        if not earlier.files or any(stacks.read_key(self.place / file) != key for file in earlier.files):
            return False
        for file in earlier.files:
            _link(self.place / file, self.partial / file)
        if not self._holds(earlier):
            return False
        self._add(earlier)
        return True

    @contextmanager
    def making(self, name: str, key: str) -> Iterator[Callable[[str], Path]]:
        """Make a group; yields a function from a stack's name to where to write it. None counts until all are there."""
        drafts: dict[str, Path] = {}

        def draft(file: str) -> Path:
            drafts[file] = self.partial / f"{files.TEMPORARY}{file}"
            return drafts[file]

        yield draft
        for file, path in drafts.items():
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
            path.replace(self.partial / file)
        self._add(Group(name, key, {file: hash_file(self.partial / file) for file in drafts}))

    def stacks(self) -> list[Path]:
        """The stacks that are part of this run so far, by name."""
        return [self.partial / file for group in self._complete.values() for file in sorted(group.files)]

    def finish(self) -> None:
        """Delete from the folder what does not belong to this run, and write its index."""
        wanted = set(self.stacks())
        for path in self.partial.iterdir():
            if path not in wanted:
                path.unlink()
        stack_index.write(self.partial)

    def close(self) -> None:
        """Release the folder to other processes; if no group is complete, delete what was begun."""
        if not self.journal.records:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.journal.remove()
        self.journal.close()

    def _add(self, group: Group) -> None:
        self.journal.add(group)
        self._complete[group.name] = group

    def _holds(self, group: Group) -> bool:
        try:
            return all(hash_file(self.partial / file) == digest for file, digest in group.files.items())
        except MorphseqError:
            return False


def well_of(file: str) -> str:
    """The well of a stack that is named after it."""
    return Path(file).stem


@contextmanager
def gathering(places: list[Path], group_of: Callable[[str], str] = well_of) -> Iterator[list[Shelf]]:
    """Yield a shelf for each of `places`; when the block ends well, what they gathered replaces these folders.

    `group_of` says of a stack's file which group (well) it is of. Nothing is replaced before everything is complete;
    when the block raises, the earlier folders stay as they were and what is complete waits for the next run.
    """
    shelves: list[Shelf] = []
    try:
        for place in places:
            shelves.append(Shelf(place, group_of))
        yield shelves
        for shelf in shelves:
            shelf.finish()
        with files.replacing_folders(places) as temporaries:
            for shelf, temporary in zip(shelves, temporaries, strict=True):
                temporary.rmdir()
                shelf.partial.rename(temporary)
        for shelf in shelves:
            shelf.journal.remove()
    finally:
        for shelf in shelves:
            shelf.close()


def _earlier_groups(place: Path, group_of: Callable[[str], str]) -> dict[str, dict[str, str]]:
    """The stacks of an earlier run by their group: each one's name and xxh3_128, as its index has them."""
    try:
        index = stack_index.read(place)
    except MorphseqError:
        return {}
    groups: dict[str, dict[str, str]] = {}
    # An index written by hand can also name files that are not stacks of this stage, as in folders within.
    for entry in (entry for entry in (index.files if index else []) if "/" not in entry.path):
        groups.setdefault(group_of(entry.path), {})[entry.path] = entry.xxh3_128
    return groups


def _link(source: Path, target: Path) -> None:
    """Put a file in a second place: by a hard link, or by a copy if the file system refuses one."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
