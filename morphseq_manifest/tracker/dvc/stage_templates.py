"""A stage as dvc.yaml defines it, with its texts taken apart once, to be filled in for every item of its group."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.context import Context
from morphseq_manifest.tracker.dvc.interpolation import Template, fill_in
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.dvc.stages import Load, Output, Stage, is_outside

_STAGE_KEYS = {
    "cmd", "deps", "params", "outs", "metrics", "plots", "desc", "meta", "frozen", "always_changed", "wdir", "vars",
}  # fmt: skip
_OUTPUT_KEYS = {"cache", "persist", "push", "remote", "desc", "type", "labels", "meta"}
_OUTPUT_TEXTS = {"remote", "desc", "type"}
_REMOTE = re.compile(r"[a-z][\w+.-]*://", re.IGNORECASE)
# What is no path to DVC either, or to the system; a colon may be in any other.
_OTHERWISE = re.compile(r"^(remote|ds):|::|\0", re.IGNORECASE)
_OF_DVC = re.compile(r"\.dvc$|(^|/)dvc\.yaml$")
_PLOT_TEXTS = {"template", "x", "y", "x_label", "y_label", "title"}
_PLOT_KEYS = _PLOT_TEXTS | {"header"}


class Reader:
    """What the stages of one definition are read with: files of settings, the style of options, and where it is."""

    def __init__(self, load: Load, style: Mapping[str, str], where: str, file: str = PARAMS.name) -> None:
        self.load, self.style, self.where, self.file = load, style, where, file
        self.folder = posixpath.dirname(file)


class StageTemplate:
    """The definition of a stage, or of each stage of a group. Raises ConfigError for what is not supported."""

    def __init__(self, entry: Any, reader: Reader) -> None:
        where = reader.where
        if not isinstance(entry, Mapping) or not entry.get("cmd"):
            raise ConfigError(f"{where}: expected a mapping with `cmd`")
        check_keys(entry, _STAGE_KEYS, where)
        self._reader, self._where = reader, where
        self._meta, self._vars = entry.get("meta"), entry.get("vars", [])
        if not isinstance(entry.get("params", []), list):
            raise ConfigError(f"{where}, params: can't use {entry['params']!r}: expected a list")
        self._desc = self._texts([entry.get("desc", "")], "desc")[0]
        self._wdir = self._texts([entry.get("wdir", "")], "wdir")[0]
        self._frozen = _flag(entry, "frozen", False, where)
        self._always = _flag(entry, "always_changed", False, where)
        cmd = entry["cmd"]
        self._one = not isinstance(cmd, list)
        self._cmd = self._texts([cmd] if self._one else cmd, "cmd")
        self._deps = self._texts(entry.get("deps", []), "deps")
        self._params = [*self._settings(entry.get("params", []))]
        self._outs = [*self._outputs(entry)]

    def stage(
        self, name: str, group: str, key: str | None, context: Context, own: Mapping[str, Any] | None = None
    ) -> Stage:
        """The stage with its places filled in; `own` are what the group goes over."""
        wdir = self._folder(context)
        where = f"{self._where}, vars"
        values = context.extended(self._vars, wdir, self._reader.load, where, own or ()).values
        self._desc.text(values)  # DVC stops where it can't be filled in
        for flags, part in [(flags, part) for *_, flags, part in self._outs]:
            fill_in(flags, values, f"{self._where}, {part}")
        meta = fill_in(self._meta, values, f"{self._where}, meta")
        lines = [line.command(values, self._reader.style) for line in self._cmd]
        places = _Places(wdir, self._where)
        deps = [dep.text(values) for dep in self._deps]
        outs = [(out.text(values), kinds) for out, kinds, _, _ in self._outs]
        return Stage(
            name=name,
            group=group,
            key=key,
            cmd=lines[0] if self._one else lines,
            deps=[places.of(dep, outside=True) for dep in deps if places.is_seen(dep, outside=True)],
            params=self._named_settings(values, places),
            outs=[Output(places.of(out), *kinds) for out, kinds in outs if places.is_seen(out)],
            meta=meta if isinstance(meta, dict) else {},  # anything else is not ours
            frozen=self._frozen,
            always_changed=self._always,
            wdir=wdir,
            written=places.written,
            file=self._reader.file,
            unseen=places.unseen,
        )

    def _folder(self, context: Context) -> str:
        """The folder that it runs in, from the project's."""
        written = self._wdir.text(context.values)
        folder = posixpath.normpath(posixpath.join(self._reader.folder, written or "."))
        if folder.startswith("/"):
            raise ConfigError(
                f"{self._where}, wdir: {written!r} is absolute, and so for this machine alone. "
                f"Write it from the folder of dvc.yaml, such as {posixpath.basename(folder) or '.'}"
            )
        if folder == ".." or folder.startswith("../"):
            raise ConfigError(f"{self._where}, wdir: {written!r} is outside of the project, where DVC runs nothing")
        return "" if folder == "." else folder

    def _named_settings(self, values: Mapping[str, Any], places: "_Places") -> dict[str, list[str]]:
        """The names of its settings by file; none if it depends on all that is in the file."""
        found: dict[str, list[str]] = {}
        whole = set()
        for file, names in self._params:
            path = file.text(values)
            if not names:
                whole.add(path)
            found.setdefault(path, []).extend(name.text(values) for name in names)
        if wrong := [path for path in found if ":" in path]:
            raise ConfigError(f"{self._where}, params: {wrong[0]!r}: a file of settings may have no colon in its name")
        return {places.of(path): [] if path in whole else names for path, names in found.items()}

    def _texts(self, items: Any, part: str) -> list[Template]:
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            wrong = [item for item in items if not isinstance(item, str)] if isinstance(items, list) else [items]
            raise ConfigError(f"{self._where}, {part}: can't use {wrong[0]!r}: expected a list of texts")
        return [Template(item, f"{self._where}, {part}") for item in items]

    def _settings(self, items: Any) -> Iterator[tuple[Template, list[Template]]]:
        """The file, and the names in it, of each entry of `params`."""
        for item in items:
            named = item if isinstance(item, Mapping) else {str(PARAMS): [item]}
            for file, names in named.items():
                yield self._texts([file], "params")[0], self._texts([] if names is None else names, "params")

    def _outputs(self, entry: Mapping[str, Any]) -> Iterator[tuple[Template, tuple[bool, bool, bool], Any, str]]:
        for part in ("outs", "metrics", "plots"):
            where = f"{self._where}, {part}"
            for item in _list(entry.get(part, []), where):
                for path, flags in item.items() if isinstance(item, Mapping) else [(item, {})]:
                    check_keys(flags, _OUTPUT_KEYS | (_PLOT_KEYS if part == "plots" else set()), where)
                    check_texts(flags, _OUTPUT_TEXTS | _PLOT_TEXTS, where)
                    _flag(flags, "push", True, where)
                    _flag(flags, "header", True, where)
                    kinds = (_flag(flags, "cache", True, where), _flag(flags, "persist", False, where), part != "outs")
                    yield self._texts([path], part)[0], kinds, flags, part


class _Places:
    """The paths of a stage from the project's folder; `written` are those that it writes otherwise, by path."""

    def __init__(self, wdir: str, where: str) -> None:
        self._wdir, self._where = wdir, where
        self.written: dict[str, str] = {}
        self.unseen: list[str] = []
        self._seen: dict[str, str] = {}

    def is_seen(self, written: str, *, outside: bool = False) -> bool:
        """Whether a path is in the project, or may be `outside`; one that is not is `unseen`, like a remote."""
        is_fine = outside or not is_outside(posixpath.normpath(posixpath.join(self._wdir, written)))
        if is_fine and not _REMOTE.match(written):
            return True
        self.unseen.append(written)
        return False

    def of(self, written: str, *, outside: bool = False) -> str:
        """The path of what is written so. Raises ConfigError for one outside of the project that may not be there."""
        path = posixpath.normpath(posixpath.join(self._wdir, written))
        if not written or (is_outside(path) and not outside) or path in {".", ".."} or _OTHERWISE.search(written):
            raise ConfigError(
                f"{self._where}: can't use the path {written!r}: expected one below the project's folder, such as a/b"
            )
        if _OF_DVC.search(path):
            raise ConfigError(
                f"{self._where}: {written!r} is a file of DVC's, which it takes for no dependency or output"
            )
        if (before := self._seen.setdefault(path, written)) != written:
            raise ConfigError(f"{self._where}: {written!r} and {before!r} are one path. Write it one way")
        if path != written:
            self.written[path] = written
        return path


def _list(items: Any, where: str) -> list[Any]:
    if not isinstance(items, list):
        raise ConfigError(f"{where}: can't use {items!r}: expected a list")
    return items


def _flag(entry: Mapping[str, Any], name: str, default: bool, where: str) -> bool:
    flag = entry.get(name, default)
    if not isinstance(flag, bool):
        raise ConfigError(f"{where}: `{name}` is {flag!r}, expected true or false")
    return flag


def check_texts(flags: Mapping[str, Any], names: set[str], where: str) -> None:
    """Raise ConfigError for a flag of these that is no text, and for labels that are no list of texts."""
    for name, value in flags.items():
        if name in names and not isinstance(value, str):
            raise ConfigError(f"{where}: `{name}` is {value!r}, expected a text")
        is_list = isinstance(value, list) and all(isinstance(label, str) for label in value)
        if name == "labels" and not is_list:
            raise ConfigError(f"{where}: `labels` is {value!r}, expected a list of texts")


def check_keys(entry: Any, known: set[str], where: str) -> None:
    """Raise ConfigError if something is not a mapping, or has other keys."""
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where}: {entry!r}: expected a mapping")
    for key in entry:
        if key not in known:
            raise ConfigError(f"{where}: `{key}` is not supported here; there are {', '.join(sorted(known))}")
