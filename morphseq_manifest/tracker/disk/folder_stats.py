"""The stats of all that is in a folder, and one digest of them."""

import os
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple

import msgspec
import xxhash

from morphseq_manifest.base.reading import ChangingError, Stat
from morphseq_manifest.tracker.disk.batches import by_count
from morphseq_manifest.tracker.dvc.ignoring import Ignore
from morphseq_manifest.tracker.dvc.stages import place

# How one entry's stat is taken; a benchmark puts something slower here.
take_stat: Callable[["os.DirEntry[str]"], os.stat_result] = os.DirEntry.stat
_name = attrgetter("name")


class LinkError(Exception):
    """A link to nothing stands where a file should be: its path in the folder."""


class Part(NamedTuple):
    """Some entries of a folder, or of a folder `inside` it (a path that ends in `/`, or nothing)."""

    inside: str
    entries: list["os.DirEntry[str]"]


class Seen(NamedTuple):
    """An entry: its path in the folder, its mode, its stat."""

    name: str
    mode: int
    stat: Stat


class Folder:
    """The folder `path` of the project in `root`."""

    def __init__(self, root: str, path: str, ignore: Ignore) -> None:
        self.place = place(root, path)
        self.path, self._ignore = path, ignore

    def parts(self, inside: str = "") -> list[Part]:
        """What counts, in order. As for DVC, links to folders do not; nor does what is in folders that it ignores, or
        in one inside that is a DVC project of its own.

        Raises OSError if a folder can't be listed.
        """
        entries: list[os.DirEntry[str]] = []
        folders: list[str] = []
        with os.scandir(f"{self.place}/{inside}") as found:
            for entry in found:
                if inside and entry.name == ".dvc":
                    return []
                if not entry.is_dir(follow_symlinks=False):
                    entries.append(entry)
                elif not self._ignore.leaves_out(f"{self.path}/{inside}{entry.name}", True):
                    folders.append(f"{inside}{entry.name}/")
        entries.sort(key=_name)
        parts = [Part(inside, some) for some in by_count(entries)]
        for folder in sorted(folders):
            parts += self.parts(folder)
        return parts

    def rows(self, part: Part) -> bytes:
        """The stats of a part, packed.

        Raises LinkError, ChangingError if an entry has gone meanwhile, UnicodeEncodeError for a name not in UTF-8.
        """
        rows: list[str | int] = [part.inside]
        for entry in part.entries:
            try:
                seen = take_stat(entry)
            except FileNotFoundError:
                rows += (entry.name, self._broken(part.inside + entry.name, entry), 0, 0, 0, 0)
                continue
            rows += (entry.name, seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)
        return msgspec.msgpack.encode(rows)

    def _broken(self, name: str, entry: "os.DirEntry[str]") -> int:
        """The mode that stands for a link to nothing that does not count."""
        if self._ignore.leaves_out(f"{self.path}/{name}"):
            return 0
        if entry.is_symlink():
            raise LinkError(name)
        raise ChangingError(name)

    def digest(self, rows: Iterable[bytes]) -> bytes:
        """One digest of all stats and of the rules of what to ignore."""
        state = xxhash.xxh3_128(self._ignore.text)
        for part in rows:
            state.update(part)
        return state.digest()

    def digest_now(self) -> bytes | None:
        """The digest of the folder as it is now; None if it can't be determined."""
        try:
            return self.digest(self.rows(part) for part in self.parts())
        except (OSError, LinkError, ChangingError, UnicodeEncodeError):
            return None  # who looks closely will say why


def unpack(rows: bytes) -> Iterator[Seen]:
    """The entries in packed rows."""
    inside, *values = msgspec.msgpack.decode(rows)
    for at in range(0, len(values), 6):
        name, mode, *numbers = values[at : at + 6]
        yield Seen(inside + name, mode, Stat(*numbers))
