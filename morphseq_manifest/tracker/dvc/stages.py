"""The stages of dvc.yaml, resolved as DVC resolves them for what this project uses.

Anything else in dvc.yaml (`matrix`, `wdir`, other parameter files, remote outputs) is refused, not guessed at.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.interpolation import Template, check_plain, fill_in

_STAGE_KEYS = {"cmd", "deps", "params", "outs", "metrics", "plots", "desc", "meta", "frozen", "always_changed"}
_OUTPUT_KEYS = {"cache", "persist", "push", "desc", "type", "labels", "meta"}
_TOP_KEYS = {"vars", "stages", "params", "metrics", "plots", "artifacts"}


class Output(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a stage makes: a path from the project's folder; whether DVC caches it, and leaves it there for a run.

    `metric`: it is one of the stage's metrics or plots, which the run cache holds even where DVC's cache does not.
    """

    path: str
    cache: bool
    persist: bool
    metric: bool


class Stage(msgspec.Struct, frozen=True, array_like=True):
    """One stage: `images@20240418` is the stage of group `images` for the key `20240418`; `df01` has no key.

    `deps` and the paths of `outs` are from the project's folder; `params` are dotted names in params.yaml.
    """

    name: str
    group: str
    key: str | None
    cmd: str | list[str]
    deps: list[str]
    params: list[str]
    outs: list[Output]
    meta: dict[str, Any]
    frozen: bool
    always_changed: bool

    def paths(self) -> Iterator[str]:
        """Its dependencies and outputs."""
        yield from self.deps
        for out in self.outs:
            yield out.path


def resolve(definition: Mapping[str, Any], settings: Mapping[str, Any], name: str) -> list[Stage]:
    """The stages of a dvc.yaml with these settings (params.yaml), in its order; `name` is for messages.

    Raises ConfigError for what is wrong or not supported.
    """
    _check_keys(definition, _TOP_KEYS, name)
    context = _with_vars(settings, definition.get("vars") or [], name)
    stages: list[Stage] = []
    for group, entry in (definition.get("stages") or {}).items():
        stages += _group(str(group), entry, context, f"{name}: stage {group!r}")
    _check_outputs(stages, name)
    return stages


def _group(group: str, entry: Any, context: Mapping[str, Any], where: str) -> Iterator[Stage]:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where}: expected a mapping with `cmd`")
    if "foreach" not in entry:
        yield _Template(entry, where).stage(group, group, None, context)
        return
    _check_keys(entry, {"foreach", "do"}, where)
    template = _Template(entry.get("do"), where)
    items = entry["foreach"]
    of_items = f"{where}, foreach"
    is_here = not isinstance(items, str)
    items = fill_in(items, context, of_items) if is_here else Template(items, of_items).value(context)
    if isinstance(items, Mapping):
        # DVC drops a key that is not a text, but not if it is written here.
        texts = {str(key) if is_here else key: item for key, item in items.items()}
        keyed = {key: {"key": key, "item": item} for key, item in texts.items() if isinstance(key, str)}
    elif isinstance(items, list) and all(isinstance(item, str) for item in items):
        keyed = {item: {"item": item} for item in items}
    else:
        raise ConfigError(f"{where}: foreach goes over {type(items).__name__}, expected a mapping or a list of names")
    for key, own in keyed.items():
        yield template.stage(f"{group}@{key}", group, key, {**context, **own})


class _Template:
    """The definition of a stage, or of each stage of a group, with its texts taken apart once."""

    def __init__(self, entry: Any, where: str) -> None:
        if not isinstance(entry, Mapping) or "cmd" not in entry:
            raise ConfigError(f"{where}: expected a mapping with `cmd`")
        _check_keys(entry, _STAGE_KEYS, where)
        self._where = where
        meta = entry.get("meta")
        self._meta = meta if isinstance(meta, Mapping) else {}  # anything else is not ours
        self._desc = self._texts([entry.get("desc", "")], "desc")[0]
        self._frozen = _flag(entry, "frozen", False, where)
        self._always = _flag(entry, "always_changed", False, where)
        cmd = entry["cmd"]
        self._one = not isinstance(cmd, list)
        self._cmd = self._texts([cmd] if self._one else cmd, "cmd")
        self._deps = self._texts(entry.get("deps") or [], "deps")
        self._params = self._texts(entry.get("params") or [], "params")
        self._outs = [
            (self._texts([path], part)[0], flags)
            for part in ("outs", "metrics", "plots")
            for item in entry.get(part) or []
            for path, flags in self._output(item, part)
        ]

    def stage(self, name: str, group: str, key: str | None, context: Mapping[str, Any]) -> Stage:
        """The stage with its places filled in."""
        self._desc.text(context)  # DVC stops where it can't be filled in
        lines = [line.command(context) for line in self._cmd]
        return Stage(
            name=name,
            group=group,
            key=key,
            cmd=lines[0] if self._one else lines,
            deps=[_path(dep.text(context), self._where) for dep in self._deps],
            params=[param.text(context) for param in self._params],
            outs=[Output(_path(out.text(context), self._where), *flags) for out, flags in self._outs],
            meta=fill_in(self._meta, context, f"{self._where}, meta"),
            frozen=self._frozen,
            always_changed=self._always,
        )

    def _texts(self, items: Any, part: str) -> list[Template]:
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            found = next((item for item in items if not isinstance(item, str)), items)
            raise ConfigError(f"{self._where}, {part}: can't use {found!r}: expected a list of texts")
        return [Template(item, f"{self._where}, {part}") for item in items]

    def _output(self, item: Any, part: str) -> Iterator[tuple[str, tuple[bool, bool, bool]]]:
        where = f"{self._where}, {part}"
        for path, flags in item.items() if isinstance(item, Mapping) else [(item, {})]:
            _check_keys(flags, _OUTPUT_KEYS, where)
            yield path, (_flag(flags, "cache", True, where), _flag(flags, "persist", False, where), part != "outs")


def _flag(entry: Mapping[str, Any], name: str, default: bool, where: str) -> bool:
    flag = entry.get(name, default)
    if not isinstance(flag, bool):
        raise ConfigError(f"{where}: `{name}` is {flag!r}, expected true or false")
    return flag


def _check_keys(entry: Any, known: set[str], where: str) -> None:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where}: {entry!r}: expected a mapping")
    for key in entry:
        if key not in known:
            raise ConfigError(f"{where}: `{key}` is not supported here; there are {', '.join(sorted(known))}")


def _path(path: str, where: str) -> str:
    plain = str(PurePosixPath(path))
    if path != plain or path.startswith("/") or path.split("/")[0] in {"..", "."} or "/../" in path or ":" in path:
        raise ConfigError(f"{where}: can't use the path {path!r}: expected one below the project's folder, such as a/b")
    return path


def _with_vars(settings: Mapping[str, Any], parts: Any, name: str) -> Mapping[str, Any]:
    """The settings and the `vars` of dvc.yaml, merged; as in DVC, none may redefine another."""
    merged = dict(settings)
    for part in parts:
        if not isinstance(part, Mapping):
            raise ConfigError(f"{name}: vars: {part!r} is not supported; expected values, or put them into params.yaml")
        check_plain(part, f"{name}: vars")
        _merge(merged, part, f"{name}: vars")
    return merged


def _merge(into: dict[str, Any], part: Mapping[str, Any], where: str) -> None:
    for key, value in part.items():
        if isinstance(into.get(key), Mapping) and isinstance(value, Mapping):
            into[key] = dict(into[key])
            _merge(into[key], value, where)
        elif key in into:
            raise ConfigError(f"{where}: {key!r} is there already, in params.yaml or in `vars`. Rename one")
        else:
            into[key] = value


def _check_outputs(stages: Iterable[Stage], name: str) -> None:
    """Raise ConfigError if two stages make one path, or one of them something inside what another makes."""
    makers: dict[str, str] = {}
    for stage in stages:
        for out in stage.outs:
            if out.path in makers:
                raise ConfigError(f"{name}: {out.path} is made by both {makers[out.path]} and {stage.name}")
            makers[out.path] = stage.name
    for path, maker in makers.items():
        for parent in parents(path):
            if parent in makers:
                raise ConfigError(f"{name}: {path}, made by {maker}, is inside {parent}, made by {makers[parent]}")


def parents(path: str) -> Iterator[str]:
    """The folders that a path is in, the nearest first, without the project's own."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
