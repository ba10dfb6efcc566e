"""Content in DVC's cache: what stages made is copied there, and copied back to where it was."""

import shutil
import stat
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.folder_hash import folder_listing, parse_listing

# DVC's protection of a cached file: nobody may write to it.
_CACHED_MODE = 0o444


class Cached:
    """The cache of the project in `root`, whose files `workspace` looks at."""

    def __init__(self, root: Path, workspace: Workspace) -> None:
        self._root, self._workspace = root, workspace

    def holds(self, md5: str) -> bool:
        """Whether content of this md5 is in the cache."""
        return self._workspace.held([md5])[md5]

    def keep(self, path: str, content: Content) -> None:
        """Copy what is at a path, whose `content` is known, into the cache."""
        md5 = str(content.md5)
        if self.holds(md5):
            return
        if content.nfiles is None:
            self._copy(self._root / path, md5)
        else:
            members = {name: item.md5 for name, item in self._workspace.members(path).items()}
            for name, member in members.items():
                self._copy(self._root / path / name, member)
            self._write(md5, folder_listing(members))
        self._workspace.keeps(md5)

    def bring_back(self, path: str, md5: str, isexec: bool) -> None:
        """Copy content from the cache to a path, in place of what is there."""
        place = self._root / path
        if md5.endswith(".dir"):
            self._bring_back_folder(place, md5)
            return
        if place.is_symlink() or place.is_dir():
            files.remove(place)
        with files.replacing(place, durable=False) as temporary:
            shutil.copyfile(self._workspace.dvc_cache.path(md5), temporary)
            if isexec:
                temporary.chmod(temporary.stat().st_mode | stat.S_IEXEC)

    def _bring_back_folder(self, place: Path, md5: str) -> None:
        listed = parse_listing(read_small(Path(self._workspace.dvc_cache.path(md5))))
        files.remove(place)
        with files.replacing_folders([place]) as (temporary,):
            for name, member in listed.items():
                target = temporary / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._workspace.dvc_cache.path(member), target)

    def _copy(self, path: Path, md5: str) -> None:
        place = Path(self._workspace.dvc_cache.path(md5))
        if not self._workspace.dvc_cache.holds(md5):  # not there, or damaged
            with files.replacing(place, durable=False) as temporary:
                shutil.copyfile(path, temporary)
                temporary.chmod(_CACHED_MODE)

    def _write(self, md5: str, data: bytes) -> None:
        with files.replacing(Path(self._workspace.dvc_cache.path(md5)), durable=False) as temporary:
            temporary.write_bytes(data)
            temporary.chmod(_CACHED_MODE)
