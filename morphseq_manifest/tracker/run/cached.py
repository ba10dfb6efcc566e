"""Content in DVC's cache: what stages made is put there, and brought back to where it was."""

import threading
from collections.abc import Iterator
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.folder_hash import folder_listing, parse_listing
from morphseq_manifest.tracker.dvc.modes import PROTECTED, make_folder
from morphseq_manifest.tracker.run.links import Links, make_executable, unprotect


class Cached:
    """The cache of the project in `root`, whose files `workspace` looks at."""

    def __init__(self, root: Path, workspace: Workspace) -> None:
        self._root, self._workspace = root, workspace
        self._modes = workspace.dvc_cache.modes
        self._links = Links(workspace.dvc_cache.config.links, self._modes.file)
        # What DVC does not cache is a file of its own, as git wants it.
        self._copies = Links(["copy"], self._modes.file)
        self._locks: dict[str, threading.Lock] = {}

    def holds(self, md5: str) -> bool:
        """Whether content of this md5 is in the cache."""
        return self._workspace.held([md5])[md5]

    def keep(self, path: str, content: Content) -> None:
        """Put what is at a path, whose `content` is known, into the cache."""
        md5 = str(content.md5)
        if self.holds(md5):
            return
        if content.nfiles is None:
            self._take(self._root / path, md5)
        else:
            members = {name: item.md5 for name, item in self._workspace.members(path).items()}
            for name, member in members.items():
                self._take(self._root / path / name, member)
            self._write(md5, folder_listing(members))
        self._workspace.keeps(md5)

    def settle(self, path: str, md5: str, isexec: bool, cache: bool) -> None:
        """Link what is at a path, and in the cache, as DVC links it after a stage has run.

        With `cache` false it is an output that DVC keeps for its run cache alone.
        """
        links, place = self._links if cache else self._copies, f"{self._root}/{path}"
        if md5.endswith(".dir"):
            for name, kept in self._listed(md5):
                links.settle(kept, f"{place}/{name}", in_folder=True)
        else:
            links.settle(self._place(md5), place, in_folder=False)
            if isexec:
                make_executable(Path(place))

    def bring_back(self, path: str, md5: str, isexec: bool) -> None:
        """Link or copy content from the cache to a path, in place of what is there."""
        place = self._root / path
        if not md5.endswith(".dir"):
            self._links.bring_back(self._place(md5), str(place))
            if isexec:
                make_executable(place)
            return
        listed = [*self._listed(md5)]
        files.remove(place)
        with files.replacing_folders([place]) as (temporary,):
            for name, kept in listed:
                target = temporary / name
                target.parent.mkdir(parents=True, exist_ok=True)
                self._links.bring_back(kept, str(target))

    def unprotect(self, path: str) -> None:
        """Make what is at a path, a file or a folder, free to be written to: nothing in the cache changes with it."""
        unprotect(self._root / path, self._modes.file)

    def _listed(self, md5: str) -> Iterator[tuple[str, str]]:
        """The files in a folder that the cache holds: their paths in it, and where the cache has them."""
        listing = parse_listing(read_small(Path(self._place(md5))))
        return ((name, self._place(":" * md5.startswith(":") + member)) for name, member in listing.items())

    def _place(self, md5: str) -> str:
        return self._workspace.dvc_cache.path(md5)

    def _take(self, path: Path, md5: str) -> None:
        # Of stages that make the same at once, one: what links point to is not replaced.
        with self._locks.setdefault(md5, threading.Lock()):
            if not self._workspace.dvc_cache.holds(md5):  # not there, or damaged
                self._room(md5)
                self._links.take(str(path), self._place(md5))

    def _write(self, md5: str, data: bytes) -> None:
        self._room(md5)
        with files.replacing(Path(self._place(md5)), durable=False) as temporary:
            temporary.write_bytes(data)
            temporary.chmod(PROTECTED)

    def _room(self, md5: str) -> None:
        make_folder(Path(self._place(md5)).parent, self._modes.folder)
