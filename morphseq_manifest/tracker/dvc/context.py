"""What `${...}` in dvc.yaml can stand for: params.yaml, and the `vars` of dvc.yaml and of a stage."""

import posixpath
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.interpolation import check_plain
from morphseq_manifest.tracker.dvc.stages import Load


class Context(NamedTuple):
    """The values by name, and the files that they are from: with the names that were taken of each, None for all."""

    values: Mapping[str, Any]
    files: Mapping[str, list[str] | None]

    def extended(self, parts: Any, folder: str, load: Load, where: str, taken: Collection[str] = ()) -> "Context":
        """With `vars`, each of values, a file, or `file:name,name`; a path is from `folder`, in the project's.

        Raises ConfigError if one redefines another, or one of the names `taken`, and for what DVC refuses.
        """
        values, files = dict(self.values), dict(self.files)
        for part in _list(parts, where):
            if isinstance(part, str):
                check_plain(part, where)
                found = _from_file(part, folder, files, load, where)
            elif isinstance(part, Mapping):
                check_plain(part, where)
                found = part
            else:
                raise ConfigError(f"{where}: can't use {part!r}: expected values, a file, or file:name")
            if reserved := found.keys() & set(taken):
                raise ConfigError(f"{where}: {min(reserved)!r} is what the group goes over. Rename it")
            _merge(values, found, where)
        return Context(values, files)


def _list(parts: Any, where: str) -> list[Any]:
    if not isinstance(parts, list):
        raise ConfigError(f"{where}: can't use {parts!r}: expected a list")
    return parts


def files_of(parts: Any) -> list[str]:
    """The files that `vars` name, as they are written there."""
    return [part.partition(":")[0] for part in parts if isinstance(part, str)] if isinstance(parts, list) else []


def _from_file(part: str, folder: str, files: dict[str, list[str] | None], load: Load, where: str) -> Mapping[str, Any]:
    """The values that a part of `vars` takes from a file, which is then in `files`; none if all were taken before."""
    written, _, names = part.partition(":")
    path = posixpath.normpath(posixpath.join(folder, written))
    if path.startswith(("../", "/")):
        raise ConfigError(f"{where}: {part!r} is outside of the project, which is not supported. Copy the file into it")
    wanted = [name for name in names.split(",") if name]
    if path in files:
        before = files[path]
        if before is None and not wanted:
            return {}
        if before is None or not wanted or set(before) & set(wanted):
            raise ConfigError(f"{where}: {part!r} takes what was taken from {path} before. Take it once")
    found = load(path)
    for name in wanted:
        if name not in found:
            raise ConfigError(f"{where}: {part!r}: there is no {name!r} in {path}")
    files[path] = [*(files.get(path) or []), *wanted] if wanted else None
    return {name: found[name] for name in wanted} if wanted else found


def _merge(into: dict[str, Any], part: Mapping[str, Any], where: str) -> None:
    for key, value in part.items():
        if isinstance(into.get(key), Mapping) and isinstance(value, Mapping):
            into[key] = dict(into[key])
            _merge(into[key], value, where)
        elif key in into:
            raise ConfigError(f"{where}: {key!r} is there already, in params.yaml or in `vars`. Rename one")
        else:
            into[key] = value
