"""Looking at a folder of many files: their stats in several threads, and reading only what those do not know."""

import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from morphseq_manifest.base import files
from morphseq_manifest.base.reading import ChangingError, Known, read
from morphseq_manifest.tracker.disk.batches import by_size
from morphseq_manifest.tracker.disk.content import Content, of_folder
from morphseq_manifest.tracker.disk.crew import Job
from morphseq_manifest.tracker.disk.folder_stats import Folder, LinkError, Part, Seen, unpack
from morphseq_manifest.tracker.disk.look import Look
from morphseq_manifest.tracker.disk.stat_cache import KnownFolder
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from morphseq_manifest.tracker.dvc.ignoring import IGNORE

TRIES = 3
# Where Python puts what it has compiled of the modules beside.
_COMPILED = "/__pycache__/"
_PERMIT = "Restore its permissions"


class _TroubleError(Exception):
    """Why a folder can't be determined."""


class FolderLook:
    """One attempt at telling what is in the folder `path`; if it changes meanwhile, there is another attempt."""

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
        """Take the stats of a part; the last one to end compares them."""
        self._rows[number] = self._folder.rows(part)
        return self._compare() if self._is_last() else ()

    def _compare(self) -> Sequence[Job]:
        """The folder is what it was, or its files are looked at one by one."""
        self._digest = self._folder.digest(self._rows)
        known = self._look.cache.folders.get(self._path)
        if known and known.digest == self._digest:
            self._finish(of_folder(known))
            return ()
        if not self._look.reads:
            self._over = True
            return ()
        members = self._look.cache.members(self._path)
        self._settled = True
        to_read: list[Seen] = []
        for seen in self._counted():
            before = members.get(seen.name)
            if before and before.fits(seen.stat):
                self._known[seen.name] = before
            else:
                to_read.append(seen)
        batches = list(by_size(to_read, lambda seen: seen.stat.size))
        self._left = len(batches)
        return [partial(self._try, partial(self._read, batch)) for batch in batches] or self._sum_up()

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

    def _read(self, batch: list[Seen]) -> Sequence[Job]:
        """Read some files; the last one to end sums up."""
        known = {}
        for seen in batch:
            if self._over:
                return ()
            place = f"{self._folder.place}/{seen.name}"
            try:
                now = read(place, self._look.stop)
            except FileNotFoundError as error:
                raise ChangingError(seen.name) from error
            except OSError as error:
                raise _TroubleError(str(files.unreadable(place, error, _PERMIT))) from error
            if not now.fits(seen.stat):
                raise ChangingError(seen.name)
            known[seen.name] = now
        with self._lock:
            self._known |= known
        return self._sum_up() if self._is_last() else ()

    def _sum_up(self) -> Sequence[Job]:
        """Tell the folder's content, and remember it."""
        known, look = self._known, self._look
        md5s = {name: file.md5 for name, file in known.items()}
        given = {name: md5 for name, md5 in md5s.items() if _COMPILED not in f"/{name}"}
        apart = folder_md5(given) if len(given) < len(md5s) else None
        size = sum(file.size for file in known.values())
        folder = KnownFolder(self._digest, folder_md5(md5s), size, len(known), apart)
        settled = {name: file for name, file in known.items() if file.ctime_ns < look.settled_ns}
        look.cache.add_members(self._path, settled)
        if self._settled:
            look.cache.add_folder(self._path, folder)
        self._finish(of_folder(folder))
        return ()

    def _is_last(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0

    def _finish(self, content: Content) -> None:
        self._over = True
        self._look.found[self._path] = content

    def _try(self, step: Callable[[], Sequence[Job]]) -> Sequence[Job]:
        """Take a step, unless the attempt is over; say what goes wrong, or begin anew if something changed."""
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
            self._finish(Content(trouble=str(files.unreadable(error.filename or place, error, _PERMIT))))
        return ()
