"""DVC's cache: whether it still holds an output's content, as `dvc status` asks it."""

import os
import stat
from pathlib import Path

from morphseq_manifest.base import files, sources
from morphseq_manifest.base.reading import ChangingError, read
from morphseq_manifest.base.small_files import NotAFileError, read_small
from morphseq_manifest.tracker.dvc import config
from morphseq_manifest.tracker.dvc.folder_hash import parse_listing
from morphseq_manifest.tracker.dvc.legacy_hash import legacy_md5
from morphseq_manifest.tracker.dvc.modes import OWN, PROTECTED, SHARED


class DvcCache:
    """The cache of the project in `root`, in its folder or where DVC's settings have put it. Raises ConfigError.

    `config` are DVC's settings, `modes` those of what is new in the cache.
    """

    def __init__(self, root: Path) -> None:
        self.config = config.read(root)
        self.modes = SHARED if self.config.shared else OWN
        self.folder = Path(self.config.cache)
        self.place = f"{self.folder}/files/md5"

    def path(self, md5: str) -> str:
        """Where content of this md5 is kept; after a colon, that of DVC 2, whose cache lies beside that of DVC 3."""
        place, md5 = (self.folder, md5[1:]) if md5.startswith(":") else (self.place, md5)
        return f"{place}/{md5[:2]}/{md5[2:]}"

    def holds(self, md5: str) -> bool:
        """Whether content of this md5 is in the cache; of a folder (`.dir`), all its files too.

        Raises UnreadableError if that can't be told, for content that may not be read.
        """
        try:
            return all(self._is_whole(self.path(part), part) for part in (md5, *self._members(md5)))
        except (FileNotFoundError, NotADirectoryError, NotAFileError, ChangingError, ValueError):
            return False
        except OSError as error:
            raise files.unreadable(error.filename, error, "Restore the permissions of DVC's cache") from error

    def drop_damaged(self, md5: str) -> None:
        """Delete what is not of its md5: this content, or a file of this folder."""
        try:
            members = self._members(md5)
        except (OSError, ValueError):
            members = []
        for kept in [*members, md5]:
            path = Path(self.path(kept))
            if path.exists() and read(str(path)).md5 != kept.removesuffix(".dir"):
                path.unlink()

    def _members(self, md5: str) -> list[str]:
        """The md5s of the files in a folder that the cache holds; of a file, none."""
        if not md5.endswith(".dir"):
            return []
        return [
            ":" * md5.startswith(":") + member for member in parse_listing(read_small(Path(self.path(md5)))).values()
        ]

    def _is_whole(self, path: str, md5: str) -> bool:
        sources.add(path)
        status = os.stat(path)  # noqa: PTH116 - a path object takes longer than the stat
        if stat.S_IMODE(status.st_mode) == PROTECTED:
            return True  # as DVC has it, since nobody may write to it
        expected = md5.removeprefix(":").removesuffix(".dir")
        return read(path).md5 == expected or (md5.startswith(":") and legacy_md5(Path(path)) == expected)
