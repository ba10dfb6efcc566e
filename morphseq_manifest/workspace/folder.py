"""Looking at a folder of many files: their stats in several threads, and reading only what those do not know."""

import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
import xxhash

from morphseq_manifest import contents
from morphseq_manifest.workspace.content import Content
from morphseq_manifest.workspace.crew import Job
from morphseq_manifest.workspace.ignoring import IGNORE
from morphseq_manifest.workspace.looking import Look
from morphseq_manifest.workspace.reading import ChangingError, read
from morphseq_manifest.workspace.stat_cache import Known, KnownFolder, Stat

# How one entry's stat is taken; a benchmark puts something slower here.
take_stat: Callable[["os.DirEntry[str]"], os.stat_result] = os.DirEntry.stat
_ENTRIES = 1000
_READ_BYTES = 8 << 20
_READ_FILES = 100
_TRIES = 3

Row = tuple[str, int, int, int, int, int]  # path in the folder, mode, then the fields of Stat
_Entry = tuple[str, "os.DirEntry[str]"]


class _TroubleError(Exception):
    """Why a folder can't be told."""


class FolderLook:
    """One attempt at telling what is in the folder `path`; where it changes meanwhile there is another one."""

    def __init__(self, look: Look, path: str, attempt: int = 1) -> None:
        self._look, self._path, self._attempt = look, path, attempt
        self._place = f"{look.root}/{path}"
        self._lock = threading.Lock()
        self._over = False
        self._rows: list[bytes] = []
        self._left = 0
        self._known: dict[str, Known] = {}

    def start(self) -> Sequence[Job]:
        """List the folder, and return the jobs that look at what is in it."""
        return self._try(self._list)

    def _list(self) -> Sequence[Job]:
        entries = sorted(self._entries(self._place, ""), key=lambda entry: entry[0])
        parts = [entries[start : start + _ENTRIES] for start in range(0, len(entries), _ENTRIES)] or [[]]
        self._rows, self._left = [b""] * len(parts), len(parts)
        jobs = [partial(self._try, partial(self._stat, number, part)) for number, part in enumerate(parts)]
        return jobs[0]() if len(jobs) == 1 else jobs

    def _entries(self, folder: str, inside: str) -> Iterator[_Entry]:
        """What counts in a folder: as for DVC, links to folders do not, and are left out when there is more to do."""
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield inside + entry.name, entry
                elif not self._look.ignore.leaves_out(f"{self._path}/{inside}{entry.name}", True):
                    yield from self._entries(entry.path, f"{inside}{entry.name}/")

    def _stat(self, number: int, part: list[_Entry]) -> Sequence[Job]:
        """Take the stats of a part of the entries; who is the last to end goes on."""
        rows: list[Row] = []
        for name, entry in part:
            try:
                seen = take_stat(entry)
            except FileNotFoundError:
                rows.append((name, self._broken_link(name, entry), 0, 0, 0, 0))
                continue
            rows.append((name, seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino))
        self._rows[number] = msgspec.msgpack.encode(rows)
        return self._compare() if self._is_last() else ()

    def _broken_link(self, name: str, entry: "os.DirEntry[str]") -> int:
        """The mode that stands for a link to nothing, where it does not count. Raises _TroubleError where it does."""
        if self._look.ignore.leaves_out(f"{self._path}/{name}"):
            return 0
        if entry.is_symlink():
            raise _TroubleError(f"{self._place}/{name}: a symbolic link to nothing. Restore what it points to")
        raise ChangingError(name)

    def _compare(self) -> Sequence[Job]:
        """The folder is what it was, or its files are looked at one by one."""
        state = xxhash.xxh3_128(self._look.ignore.text)
        for rows in self._rows:
            state.update(rows)
        self._digest = state.digest()
        known = self._look.cache.folders.get(self._path)
        if known and known.digest == self._digest:
            self._finish(Content(known.md5, known.size, known.nfiles))
            return ()
        members = self._look.cache.members(self._path)
        self._settled = True
        to_read: list[tuple[str, Stat]] = []
        for name, seen in self._counted():
            found = members.get(name)
            if found and found.fits(seen):
                self._known[name] = found
            else:
                to_read.append((name, seen))
        parts = list(_batches(to_read))
        self._left = len(parts)
        return [partial(self._try, partial(self._read, part)) for part in parts] or self._sum_up()

    def _counted(self) -> Iterator[tuple[str, Stat]]:
        """The files that count, and their stats."""
        for rows in self._rows:
            for name, mode, *numbers in msgspec.msgpack.decode(rows, type=list[Row]):
                seen = Stat(*numbers)
                self._settled &= seen.ctime_ns < self._look.settled_ns
                if stat.S_ISDIR(mode) or self._look.ignore.leaves_out(f"{self._path}/{name}"):
                    continue
                if not stat.S_ISREG(mode):
                    raise _TroubleError(f"{self._place}/{name}: neither a file nor a folder. Take it away")
                if name == IGNORE or name.endswith(f"/{IGNORE}"):
                    raise _TroubleError(f"{self._place}/{name}: DVC takes none inside what it tracks. Take it away")
                yield name, seen

    def _read(self, part: list[tuple[str, Stat]]) -> Sequence[Job]:
        known = {}
        for name, seen in part:
            if self._over:
                return ()
            try:
                found = read(f"{self._place}/{name}")
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise ChangingError(name) from error
                raise _TroubleError(f"{self._place}/{name}: can't be read ({error.strerror})") from error
            if not found.fits(seen):
                raise ChangingError(name)
            known[name] = found
        with self._lock:
            self._known |= known
        return self._sum_up() if self._is_last() else ()

    def _sum_up(self) -> Sequence[Job]:
        """Tell the folder's content, and remember it."""
        known, look = self._known, self._look
        md5 = contents.folder_md5({name: found.md5 for name, found in known.items()})
        content = Content(md5, sum(found.size for found in known.values()), len(known))
        look.cache.add_members(self._path, {k: v for k, v in known.items() if v.ctime_ns < look.settled_ns})
        if self._settled:
            look.cache.add_folder(self._path, KnownFolder(self._digest, md5, content.size, len(known)))
        self._finish(content)
        return ()

    def _is_last(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0

    def _finish(self, content: Content) -> None:
        self._over = True
        self._look.found[self._path] = content

    def _try(self, step: Callable[[], Sequence[Job]]) -> Sequence[Job]:
        """Take a step, unless the attempt is over; say what goes wrong, or begin anew where something changed."""
        if self._over:
            return ()
        try:
            return step()
        except (ChangingError, FileNotFoundError):
            with self._lock:
                first, self._over = not self._over, True
            if first and self._attempt < _TRIES:
                return FolderLook(self._look, self._path, self._attempt + 1).start()
            if first:
                trouble = f"{self._place}: changes while it is looked at. Try again when it is written"
                self._finish(Content(trouble=trouble))
        except _TroubleError as error:
            self._finish(Content(trouble=str(error)))
        except OSError as error:
            trouble = f"{error.filename or self._place}: can't be read ({error.strerror}). Restore its permissions"
            self._finish(Content(trouble=trouble))
        return ()


def _batches(files: list[tuple[str, Stat]]) -> Iterator[list[tuple[str, Stat]]]:
    batch: list[tuple[str, Stat]] = []
    size = 0
    for name, seen in files:
        batch.append((name, seen))
        size += seen.size
        if size >= _READ_BYTES or len(batch) == _READ_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
