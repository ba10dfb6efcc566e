"""DVC's settings that matter here: where its cache is, and how it links, shares and locks."""

import configparser
import os
import re
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.reading import read_small

_DVC = Path(".dvc")
_MATTERS = (("cache", "type"), ("cache", "shared"), ("core", "hardlink_lock"))
# As links go, these two give files of their own, which is what is made here.
_COPIES = {"reflink", "copy"}


class _Parser(configparser.ConfigParser):
    """As DVC reads them, the names of sections may stand in quotes."""

    SECTCRE = re.compile(r"""\[\s*(?P<quote>['"]?)(?P<header>.+?)(?P=quote)\s*\]""")


class Config(NamedTuple):
    """The cache's folder; and the settings, by `section.name`, that say how files are linked, shared and locked."""

    cache: Path
    others: dict[str, str]


def read(root: Path) -> Config:
    """The settings of the project in `root`: what is said last counts, the project's after the user's.

    Raises ConfigError for a file that can't be used.
    """
    home = Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR") or Path("~/.config/dvc").expanduser())
    folder, others = root / _DVC / "cache", dict[str, str]()
    for path in (home / "config", root / _DVC / "config", root / _DVC / "config.local"):
        parser = _Parser(interpolation=None)
        try:
            parser.read_string(read_small(path).decode())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise files.unreadable(path, error, "Restore it or its permissions") from error
        except (configparser.Error, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: can't be used: {' '.join(str(error).split())}. Correct it") from error
        if said := parser.get("cache", "dir", fallback=""):
            folder = path.parent / Path(_unquoted(said)).expanduser()
        for section, name in _MATTERS:
            value = parser.get(section, name, fallback="")
            if name == "type" and {word.strip() for word in value.split(",")} <= _COPIES:
                others.pop(f"{section}.{name}", None)
            elif value:
                others[f"{section}.{name}"] = value
    return Config(folder, others)


def _unquoted(value: str) -> str:
    """A value without the quotes in which DVC writes one that has a comma or # in it."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value
