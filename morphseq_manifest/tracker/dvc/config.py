"""DVC's settings that matter here: where its cache is, how it links, shares and locks, how it makes commands."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base import files, memo
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.small_files import read_small

_DVC = Path(".dvc")
# How content of the cache may come to stand in the project, and what DVC tries if nothing is said.
_LINKS = ("reflink", "hardlink", "symlink", "copy")
_COPIES = ("reflink", "copy")
# What `parsing` may say, with DVC's own choice first.
_STYLES = {"bool": ("store_true", "boolean_optional"), "list": ("nargs", "append")}
# How the name of a section about a remote begins.
_REMOTE = 'remote "'


class Config(msgspec.Struct, frozen=True):
    """The cache's folder; whether git is not asked; the style of options in commands.

    `unsupported`: the settings, by `section.name`, under which DVC would work in another way than is done here.
    `links`: the kinds of link to the cache, of which the first that can be made is made. `shared`: whether a group has
    the cache in common. `hardlink_lock`: whether the lock on the project is a hard link.
    `autostage`: whether what is written for git is put into its index. `has_remote`: whether data can be pulled.
    """

    cache: str
    no_scm: bool
    style: dict[str, str]
    unsupported: dict[str, str]
    links: list[str]
    shared: bool
    hardlink_lock: bool
    autostage: bool
    has_remote: bool


def read(root: Path) -> Config:
    """The settings of the project in `root`: of four files, what is said last counts, the project's after the user's.

    Raises ConfigError for a file that can't be used, UnreadableError.
    """
    paths = places(root)
    texts = [_bytes(path) for path in paths]
    sources = [part for path, text in zip(paths, texts, strict=True) for part in (os.fsencode(path), text or b"")]
    return memo.recall(root, "config", sources, Config, lambda: _read(root, dict(zip(paths, texts, strict=True))))


def places(root: Path) -> list[Path]:
    """Where DVC's settings are: of the machine, of the user, of the project, and of this copy of it."""
    home = Path("~").expanduser()
    system = (os.environ.get("XDG_CONFIG_DIRS") or "").split(os.pathsep)[0].strip() or "/etc/xdg"
    user = (os.environ.get("XDG_CONFIG_HOME") or "").strip() or str(home / ".config")
    of_machine, of_user = Path(system, "dvc"), Path(user, "dvc")
    if sys.platform == "darwin":
        of_machine, of_user = (Path(base, "Library/Application Support/dvc") for base in ("/", home))
    of_machine = Path(os.environ.get("DVC_SYSTEM_CONFIG_DIR") or of_machine)
    of_user = Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR") or of_user)
    return [of_machine / "config", of_user / "config", root / _DVC / "config", root / _DVC / "config.local"]


def _bytes(path: Path) -> bytes | None:
    try:
        return read_small(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise files.unreadable(path, error, "Restore it or its permissions") from error


def _read(root: Path, texts: Mapping[Path, bytes | None]) -> Config:
    said: dict[str, Any] = {"cache.dir": str(root / _DVC / "cache")}
    for path, text in texts.items():
        found = {} if text is None else _parsed(path, text)
        if isinstance(place := found.get("cache.dir"), str):
            found["cache.dir"] = str(path.parent / Path(place).expanduser())
        elif place is not None:
            raise ConfigError(f"{path}: cache.dir is {place!r}, expected a folder. Quote a name that has a comma")
        said |= found
    flags = {name: _flag(name, said.get(name, "false"), root) for name in _FLAGS}
    style = {name: str(said.get(f"parsing.{name}", kinds[0])).lower() for name, kinds in _STYLES.items()}
    for name, kinds in _STYLES.items():
        if style[name] not in kinds:
            raise ConfigError(f"{root}: DVC's setting parsing.{name} is {style[name]!r}, expected {' or '.join(kinds)}")
    unsupported = {"cache.local": str(said["cache.local"])} if "cache.local" in said else {}
    return Config(
        cache=said["cache.dir"],
        no_scm=flags["core.no_scm"],
        style=style,
        unsupported=unsupported,
        links=_links(said.get("cache.type", list(_COPIES)), root),
        shared=_shared(said.get("cache.shared"), root),
        hardlink_lock=flags["core.hardlink_lock"],
        autostage=flags["core.autostage"],
        has_remote=any(name.startswith(_REMOTE) for name in said),
    )


_FLAGS = ("core.no_scm", "core.autostage", "core.hardlink_lock")


def _flag(name: str, value: Any, root: Path) -> bool:
    if str(value).lower() not in {"true", "false"}:
        raise ConfigError(f"{root}: DVC's setting {name} is {value!r}, expected true or false")
    return str(value).lower() == "true"


def _links(value: Any, root: Path) -> list[str]:
    kinds = value if isinstance(value, list) else [word.strip() for word in value.split(",")]
    if unknown := [kind for kind in kinds if kind not in _LINKS]:
        raise ConfigError(f"{root}: DVC's setting cache.type: {unknown[0]!r} is not one of {', '.join(_LINKS)}")
    return kinds or list(_COPIES)


def _shared(value: Any, root: Path) -> bool:
    if value is not None and str(value).lower() != "group":
        raise ConfigError(f"{root}: DVC's setting cache.shared is {value!r}, expected group")
    return value is not None


def _parsed(path: Path, text: bytes) -> dict[str, Any]:
    """The settings in a file by `section.name`, as DVC reads it. Raises ConfigError if it can't be used."""
    from configobj import ConfigObj, ConfigObjError

    try:
        sections = ConfigObj(text.decode().splitlines()).dict()
    except (ConfigObjError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be used: {' '.join(str(error).split())}. Correct it") from error
    if loose := [name for name, section in sections.items() if not isinstance(section, dict)]:
        raise ConfigError(f"{path}: can't be used: {loose[0]!r} is in no section. Correct it")
    pairs = [(section, name, value) for section, inside in sections.items() for name, value in inside.items()]
    return {f"{section}.{name}".lower(): value for section, name, value in pairs}
