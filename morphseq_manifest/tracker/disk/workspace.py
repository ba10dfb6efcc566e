"""The files of the project as they are now, by content: what a stat tells to be untouched is not read again."""

import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from morphseq_manifest.base import files, sources
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.reading import ChangingError, Known, read, stat_of
from morphseq_manifest.base.small_files import SETTLED_NS, NotAFileError
from morphseq_manifest.tracker.disk.batches import THREADS, by_count
from morphseq_manifest.tracker.disk.content import ABSENT, Content, of_file, of_folder
from morphseq_manifest.tracker.disk.crew import Job, work_off
from morphseq_manifest.tracker.disk.folder_digests import unchanged
from morphseq_manifest.tracker.disk.folder_look import TRIES, FolderLook
from morphseq_manifest.tracker.disk.folder_stats import Folder
from morphseq_manifest.tracker.disk.look import Look
from morphseq_manifest.tracker.disk.stat_cache import StatCache
from morphseq_manifest.tracker.dvc.cache import DvcCache
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from morphseq_manifest.tracker.dvc.ignoring import Ignore
from morphseq_manifest.tracker.dvc.legacy_hash import legacy_md5
from morphseq_manifest.tracker.dvc.stages import place

__all__ = ["ABSENT", "THREADS", "Content", "Workspace"]

_RESTORE = "Restore it or its permissions"


class Workspace:
    """The files of the project in `root`. Each path is looked at once, however often it is asked for.

    Raises ConfigError for rules of what to ignore that can't be used, UnreadableError for rules that can't be read.
    """

    def __init__(self, root: Path, threads: int = THREADS) -> None:
        self.cache = StatCache(root)
        self.ignore = Ignore(root)
        self.dvc_cache = DvcCache(root)
        self._held: dict[str, bool] = {}
        self._look = Look(str(root), self.cache, self.ignore, time.time_ns() - SETTLED_NS)
        self._threads = threads

    def look(self, paths: Iterable[str]) -> dict[str, Content]:
        """What is at each of `paths`, which are from the project's folder; what was seen before comes along."""
        return self._look_with(self._look, paths)

    def look_again(self, paths: Iterable[str]) -> dict[str, Content]:
        """What is at each of `paths` now: they may have changed since. Several threads may ask at once."""
        look = replace(self._look, settled_ns=time.time_ns() - SETTLED_NS, found={})
        now = self._look_with(look, paths)
        self._look.found.update(now)
        return now

    def told_by_stats(self, paths: Iterable[str]) -> Mapping[str, Content]:
        """What is now at those of `paths` whose stats tell it: no file of theirs is read. Others are not in it."""
        return self._look_with(replace(self._look, reads=False, found={}), paths)

    def _look_with(self, look: Look, paths: Iterable[str]) -> dict[str, Content]:
        new = [path for path in dict.fromkeys(paths) if path not in look.found]
        sources.add_all(place(look.root, path) for path in new)
        known = {path: self.cache.folders[path] for path in new if path in self.cache.folders}
        for path in unchanged(look.root, known, self.ignore):
            look.found[path] = of_folder(known[path])
            sources.add_tree(place(look.root, path), known[path].nfiles)
        new = [path for path in new if path not in look.found]
        look = replace(look, stop=bytearray(1))
        jobs = [partial(self._look_at, look, some) for some in by_count(new)]
        work_off(jobs, self._threads, stop=look.stop)
        return look.found

    def save(self) -> None:
        """Write down what was read, for the next command."""
        self.cache.save()

    def members(self, path: str) -> dict[str, Known]:
        """The files in a folder that count, by their paths in it. Raises UnreadableError if it can't be determined."""
        content = self.look([path])[path]
        if content.trouble:
            raise UnreadableError(content.trouble)
        before, members = self.cache.members(path), {}
        for inside, entries in Folder(self._look.root, path, self.ignore).parts():
            for entry in entries:
                name = inside + entry.name
                if not entry.is_dir() and not self.ignore.leaves_out(f"{path}/{name}"):
                    known = before.get(name)
                    members[name] = known if known and known.fits(stat_of(entry.stat())) else read(entry.path)
        return members

    def legacy_md5(self, path: str) -> str | None:
        """The md5 by which DVC 2 knew what is at a path; None if it can't be determined."""
        content, at = self.look([path])[path], Path(self._look.root, path)
        try:
            if content.nfiles is None:
                return legacy_md5(at)
            return folder_md5({name: legacy_md5(at / name) for name in self.members(path)})
        except (OSError, UnreadableError):
            return None

    def held(self, md5s: Iterable[str]) -> dict[str, bool]:
        """Whether DVC's cache holds the content of each of `md5s`; what was asked before comes along."""
        new = [md5 for md5 in dict.fromkeys(md5s) if md5 not in self._held]
        work_off([partial(self._hold, some) for some in by_count(new)], self._threads)
        return self._held

    def keeps(self, md5: str) -> None:
        """DVC's cache has been given the content of this md5."""
        self._held[md5] = True

    def drop_damaged(self, md5s: Iterable[str]) -> None:
        """Take out of DVC's cache what is not of its md5, of these contents and the files in folders."""
        for md5 in md5s:
            self.dvc_cache.drop_damaged(md5)
            self._held[md5] = False

    def _hold(self, md5s: list[str]) -> Sequence[Job]:
        self._held.update({md5: self.dvc_cache.holds(md5) for md5 in md5s})
        return ()

    def _look_at(self, look: Look, paths: list[str]) -> Sequence[Job]:
        jobs: list[Job] = []
        for path in paths:
            content = self._told_by_stat(look, path)
            if isinstance(content, Content):
                look.found[path] = content
            else:
                jobs.append(content)
        return jobs

    def _told_by_stat(self, look: Look, path: str) -> Content | Job:
        """What is at a path, if its stat tells; a job for a folder, and for a file that must be read."""
        at = place(look.root, path)
        try:
            status = os.stat(at)  # noqa: PTH116 - a path object takes longer than the stat
        except (FileNotFoundError, NotADirectoryError):
            link = os.path.islink(at)  # noqa: PTH114
            return Content(trouble=f"{at}: a symbolic link to nothing. {_RESTORE}") if link else ABSENT
        except OSError as error:
            return Content(trouble=str(files.unreadable(at, error, _RESTORE)))
        if stat.S_ISDIR(status.st_mode):
            before = self.cache.folders.get(path)
            sources.add_tree(at, before.nfiles if before else 0)
            return FolderLook(look, path).start
        known = self.cache.files.get(path)
        return of_file(known) if known and known.fits(stat_of(status)) else partial(self._read, look, path, at)

    def _read(self, look: Look, path: str, at: str, attempt: int = 1) -> Sequence[Job]:
        if not look.reads:
            return ()
        try:
            known = read(at, look.stop)
            if known.ctime_ns < look.settled_ns:
                self.cache.add_file(path, known)
            look.found[path] = of_file(known)
        except NotAFileError:
            look.found[path] = Content(trouble=f"{at}: it is neither a file nor a folder. Take it away")
        except OSError as error:
            look.found[path] = Content(trouble=str(files.unreadable(at, error, _RESTORE)))
        except ChangingError:
            if attempt < TRIES:
                return self._read(look, path, at, attempt + 1)
            look.found[path] = Content(trouble=f"{at}: changes while it is read. Try again when it is written")
        return ()
