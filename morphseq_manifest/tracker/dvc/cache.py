"""DVC's cache: whether it still holds an output's content, as `dvc status` asks it."""

import configparser
import json
import os
import stat
from pathlib import Path

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.reading import ChangingError, read

_DVC = Path(".dvc")
# DVC takes a cached file for whole as long as nobody may write to it.
_PROTECTED = 0o444
_MATTERS = (("cache", "type"), ("cache", "shared"), ("core", "hardlink_lock"))
# As links go, these two give files of their own, which is what is made here.
_COPIES = {"reflink", "copy"}


class DvcCache:
    """The cache of the project in `root`, in its folder or where DVC's settings have put it. Raises ConfigError.

    `settings` are those of DVC's that say how files are linked, shared and locked.
    """

    def __init__(self, root: Path) -> None:
        self.folder, self.settings = _settings(root)
        self.place = f"{self.folder}/files/md5"

    def path(self, md5: str) -> str:
        """Where content of this md5 is kept."""
        return f"{self.place}/{md5[:2]}/{md5[2:]}"

    def holds(self, md5: str) -> bool:
        """Whether content of this md5 is in the cache; of a folder (`.dir`), all its files too."""
        path = self.path(md5)
        if not self._is_whole(path, md5):
            return False
        try:
            return all(self._is_whole(self.path(one), one) for one in self._members(md5))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def drop_damaged(self, md5: str) -> None:
        """Delete what is not of its md5: this content, or a file of this folder."""
        try:
            members = self._members(md5)
        except (OSError, ValueError, KeyError, TypeError):
            members = []
        for one in [*members, md5]:
            path = Path(self.path(one))
            if path.exists() and read(str(path)).md5 != one.removesuffix(".dir"):
                path.unlink()

    def _members(self, md5: str) -> list[str]:
        """The md5s of the files in a folder that the cache holds; of a file, none."""
        if not md5.endswith(".dir"):
            return []
        return [str(entry["md5"]) for entry in json.loads(Path(self.path(md5)).read_bytes())]

    def _is_whole(self, path: str, md5: str) -> bool:
        try:
            status = os.stat(path)  # noqa: PTH116 - a path object takes longer than the stat
            if stat.S_IMODE(status.st_mode) == _PROTECTED:
                return True
            return read(path).md5 == md5.removesuffix(".dir")
        except (OSError, ValueError, ChangingError):
            return False


def _settings(root: Path) -> tuple[Path, dict[str, str]]:
    """The cache's folder and its other settings: what is said last counts, the project's after the user's."""
    home = Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR") or Path("~/.config/dvc").expanduser())
    folder, others = root / _DVC / "cache", dict[str, str]()
    for path in (home / "config", root / _DVC / "config", root / _DVC / "config.local"):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: can't be used: {' '.join(str(error).split())}. Correct it") from error
        if said := parser.get("cache", "dir", fallback=None):
            folder = path.parent / Path(said).expanduser()
        for section, name in _MATTERS:
            value = parser.get(section, name, fallback="")
            if name == "type" and {word.strip() for word in value.split(",")} <= _COPIES:
                others.pop(f"{section}.{name}", None)
            elif value:
                others[f"{section}.{name}"] = value
    return folder, others
