"""Looking at a folder of many files: their stats in several threads, and reading only what those do not know."""

import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from morphseq_manifest.base import files
from morphseq_manifest.base.reading import ChangingError, read
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.crew import Job
from morphseq_manifest.tracker.disk.folder_stats import Folder, LinkError, Part, Seen, unpack
from morphseq_manifest.tracker.disk.look import Look
from morphseq_manifest.tracker.disk.stat_cache import Known, KnownFolder
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from morphseq_manifest.tracker.dvc.ignoring import IGNORE

_READ_BYTES = 8 << 20
_READ_FILES = 100
TRIES = 3


class _TroubleError(Exception):
    """Why a folder can't be told."""


class FolderLook:
    """One attempt at telling what is in the folder `path`; where it changes meanwhile there is another one."""

    def __init__(self, look: Look, path: str, attempt: int = 1) -> None:
        self._look, self._path, self._attempt = look, path, attempt
        self._folder = Folder(look.root, path, look.ignore)
        self._lock = threading.Lock()
        self._over = False
        self._rows: list[bytes] = []
        self._left = 0
        self._known: dict[str, Known] = {}

    def start(self) -> Sequence[Job]:
        """List the folder, and return the jobs that look at what is in it."""
        return self._try(self._list)

    def _list(self) -> Sequence[Job]:
        parts = self._folder.parts()
        self._rows, self._left = [b""] * len(parts), len(parts)
        jobs = [partial(self._try, partial(self._stat, number, part)) for number, part in enumerate(parts)]
        if not jobs:
            return self._compare()
        return jobs[0]() if len(jobs) == 1 else jobs

    def _stat(self, number: int, part: Part) -> Sequence[Job]:
        """Take the stats of a part; who is the last to end goes on."""
        self._rows[number] = self._folder.rows(part)
        return self._compare() if self._is_last() else ()

    def _compare(self) -> Sequence[Job]:
        """The folder is what it was, or its files are looked at one by one."""
        self._digest = self._folder.digest(self._rows)
        known = self._look.cache.folders.get(self._path)
        if known and known.digest == self._digest:
            self._finish(Content(known.md5, known.size, known.nfiles))
            return ()
        members = self._look.cache.members(self._path)
        self._settled = True
        to_read: list[Seen] = []
        for seen in self._counted():
            found = members.get(seen.name)
            if found and found.fits(seen.stat):
                self._known[seen.name] = found
            else:
                to_read.append(seen)
        parts = list(_batches(to_read))
        self._left = len(parts)
        return [partial(self._try, partial(self._read, part)) for part in parts] or self._sum_up()

    def _counted(self) -> Iterator[Seen]:
        """The files that count."""
        for seen in (seen for rows in self._rows for seen in unpack(rows)):
            self._settled &= seen.stat.ctime_ns < self._look.settled_ns
            if stat.S_ISDIR(seen.mode) or self._look.ignore.leaves_out(f"{self._path}/{seen.name}"):
                continue
            place = f"{self._folder.place}/{seen.name}"
            if not stat.S_ISREG(seen.mode):
                raise _TroubleError(f"{place}: neither a file nor a folder. Take it away")
            if f"/{seen.name}".endswith(f"/{IGNORE}"):
                raise _TroubleError(f"{place}: DVC takes none inside what it tracks. Take it away")
            yield seen

    def _read(self, part: list[Seen]) -> Sequence[Job]:
        known = {}
        for seen in part:
            if self._over:
                return ()
            place = f"{self._folder.place}/{seen.name}"
            try:
                found = read(place)
            except FileNotFoundError as error:
                raise ChangingError(seen.name) from error
            except OSError as error:
                raise _TroubleError(f"{place}: can't be read ({error.strerror}). Restore its permissions") from error
            if not found.fits(seen.stat):
                raise ChangingError(seen.name)
            known[seen.name] = found
        with self._lock:
            self._known |= known
        return self._sum_up() if self._is_last() else ()

    def _sum_up(self) -> Sequence[Job]:
        """Tell the folder's content, and remember it."""
        known, look = self._known, self._look
        md5 = folder_md5({name: found.md5 for name, found in known.items()})
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
        place = self._folder.place
        try:
            return step()
        except (ChangingError, FileNotFoundError):
            with self._lock:
                first, self._over = not self._over, True
            if first and self._attempt < TRIES:
                return FolderLook(self._look, self._path, self._attempt + 1).start()
            if first:
                self._finish(Content(trouble=f"{place}: changes while it is looked at. Try again when it is written"))
        except LinkError as error:
            self._finish(Content(trouble=f"{place}/{error}: a symbolic link to nothing. Restore what it points to"))
        except UnicodeEncodeError as error:
            name = files.printable(str(error.object))
            self._finish(Content(trouble=f"{place}: the name {name} is not in UTF-8, and DVC stops there. Rename it"))
        except _TroubleError as error:
            self._finish(Content(trouble=str(error)))
        except OSError as error:
            trouble = f"{error.filename or place}: can't be read ({error.strerror}). Restore its permissions"
            self._finish(Content(trouble=trouble))
        return ()


def _batches(files: list[Seen]) -> Iterator[list[Seen]]:
    batch: list[Seen] = []
    size = 0
    for seen in files:
        batch.append(seen)
        size += seen.stat.size
        if size >= _READ_BYTES or len(batch) == _READ_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
