"""What goes into dvc.lock and the run cache for a stage, to the byte as DVC writes it."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from morphseq_manifest.base import yaml_text
from morphseq_manifest.tracker.dvc.params_file import PARAMS

# A line as long as this is folded by the YAML writer, which such an entry is left to.
_WIDTH = 80
_PLAIN = re.compile(r"[A-Za-z_/][\w./@'=,+<>|&$*()\" -]*[\w./@'=+)-]|[A-Za-z_]")
_WORDS = re.compile(r"(?i)y|yes|n|no|true|false|on|off|null")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_HASH = re.compile(r"(?=.*[a-df])[0-9a-f]{32}(\.dir)?")


class Item(msgspec.Struct, frozen=True):
    """A dependency or output: its path, md5, bytes, files if it is a folder, and whether it may be executed.

    `cloud`: its version on a remote that has versions.
    """

    path: str
    md5: str
    size: int
    nfiles: int | None = None
    isexec: bool = False
    cloud: dict[str, Any] | None = None

    def fields(self) -> dict[str, Any]:
        """The fields in DVC's order."""
        found: dict[str, Any] = {"path": self.path, "hash": "md5", "md5": self.md5, "size": self.size}
        if self.nfiles is not None:
            found["nfiles"] = self.nfiles
        found |= {"isexec": True} if self.isexec else {}
        return found | ({"cloud": self.cloud} if self.cloud else {})


class Entry(msgspec.Struct, frozen=True):
    """A stage's entry: its command, what it read, the settings by file and name, what it made."""

    cmd: str | list[str]
    deps: Sequence[Item]
    params: Mapping[str, Mapping[str, Any]]
    outs: Sequence[Item]

    def content(self) -> dict[str, Any]:
        """The entry as DVC has it, sorted as DVC sorts it."""
        found: dict[str, Any] = {"cmd": self.cmd}
        if self.deps:
            found["deps"] = [item.fields() for item in sorted(self.deps, key=lambda item: item.path)]
        if self.params:
            # DVC has its default file first.
            files = sorted(self.params, key=lambda file: (file != PARAMS.name, file))
            found["params"] = {file: dict(sorted(self.params[file].items())) for file in files}
        if self.outs:
            found["outs"] = [item.fields() for item in sorted(self.outs, key=lambda item: item.path)]
        return found


def write(entry: Entry, name: str | None = None) -> str:
    """The YAML of an entry: under its stage's name as in dvc.lock (two spaces in), or by itself as in the run cache."""
    content = entry.content()
    if name is None:
        return _plain(content, "") or _dump(content)
    body = _plain(content, "    ") if _is_plain(name, 3) else None
    if body is not None:
        return f"  {name}:\n{body}"
    return _dump({"stages": {name: content}}).removeprefix("stages:\n")


def _plain(content: dict[str, Any], indent: str) -> str | None:
    """The YAML, where it is so plain that no library is needed; None elsewhere."""
    cmd = content["cmd"]
    if not isinstance(cmd, str) or not _is_plain(cmd, len(indent) + 5):
        return None
    lines = [f"{indent}cmd: {cmd}\n"]
    for part in ("deps", "params", "outs"):
        if part not in content:
            continue
        if part == "params":
            lines.append(_settings(content[part], indent))
            continue
        lines.append(f"{indent}{part}:\n")
        for item in content[part]:
            is_plain = "cloud" not in item and _is_plain(item["path"], len(indent) + 8)
            if not is_plain or not _HASH.fullmatch(item["md5"]):
                return None
            first, *others = (f"{key}: {'true' if value is True else value}\n" for key, value in item.items())
            lines.append(f"{indent}- {first}" + "".join(f"{indent}  {line}" for line in others))
    return "".join(lines)


def _is_plain(text: str, column: int) -> bool:
    """Whether YAML needs no quotes for a text, and does not fold it, beginning in this column."""
    return bool(_PLAIN.fullmatch(text)) and not _WORDS.fullmatch(text) and column + len(text) < _WIDTH


_known: dict[str, str] = {}


def _settings(params: Mapping[str, Mapping[str, Any]], indent: str) -> str:
    """The YAML of settings, which many stages have alike."""
    key = f"{indent}{params!r}"  # which tells 1 from 1.0, a date from a text, and nan from nothing
    if key not in _known:
        _known[key] = _plain_settings(params, indent) or _dumped_settings(params, indent)
    return _known[key]


def _plain_settings(params: Mapping[str, Mapping[str, Any]], indent: str) -> str | None:
    """The YAML of numbers and words; None if there is anything else."""
    lines = [f"{indent}params:\n"]
    for file, values in params.items():
        if not _is_plain(file, len(indent) + 2) or not values:
            return None
        lines.append(f"{indent}  {file}:\n")
        for name, value in values.items():
            begin = f"{indent}    {name}:"
            text = _plain_value(value, len(begin) + 1) if _is_plain(name, len(indent) + 4) else None
            if text is None:
                return None
            lines.append(f"{begin} {text}\n")
    return "".join(lines)


def _plain_value(value: Any, column: int) -> str | None:
    """The YAML of a number or a word that begins in this column; None for what is not so plain."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if _DECIMAL.fullmatch(repr(value)) else None
    return value if isinstance(value, str) and _is_plain(value, column) else None


def _dumped_settings(params: Mapping[str, Any], indent: str) -> str:
    nested: dict[str, Any] = {"params": params}
    for _ in range(0, len(indent), 2):
        nested = {"x": nested}
    lines = _dump(nested).splitlines(keepends=True)
    return "".join(lines[len(indent) // 2 :])


def _dump(content: Mapping[str, Any]) -> str:
    yaml = yaml_text.new()
    yaml.default_flow_style = False
    out = io.StringIO()
    yaml.dump(content, out)
    return out.getvalue()
