"""A `.dvc` file, written again for data that has changed: to the byte as DVC writes it, its comments kept."""

import io
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from morphseq_manifest.base import files, yaml_text
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.lock_entries import Item

# What DVC writes of an output beside its content: if it says anything, and if it is not so.
_SAID = ("desc", "type", "labels", "meta", "persist", "remote")
_TURNED_OFF = ("cache", "push")
_LEFT_TO_DVC = {"cloud", "files"}


def write(root: Path, path: str, items: Sequence[Item]) -> None:
    """Write the `.dvc` file at `path` again, with the content of its outputs as it is now, in `items` by their paths.

    Raises ConfigError if it was recorded in another way than DVC 3 records what is added, UnreadableError.
    """
    place = root / path
    text = files.read_text(place, "Restore it", "Save it as UTF-8")
    files.write_bytes(place, rewritten(text, path, str(place), {item.path: item for item in items}).encode())


def rewritten(text: str, path: str, name: str, items: Mapping[str, Item]) -> str:
    """The new text of a `.dvc` file at `path`, whose text this is; `name` is for messages."""
    yaml = yaml_text.new()
    yaml.default_flow_style = False
    values: dict[str, Any] = yaml.load(text)
    if any(_LEFT_TO_DVC & out.keys() for out in values["outs"]):
        raise ConfigError(f"{name}: recorded for a remote with versions, which is left to DVC: `dvc commit {path}`")
    folder = posixpath.dirname(path) or "."
    wdir = posixpath.normpath(posixpath.join(folder, values.get("wdir") or "."))
    for out in values["outs"]:
        written = posixpath.relpath(posixpath.join(wdir, out["path"]), wdir)
        _update(out, _output(out, written, items[posixpath.normpath(posixpath.join(wdir, written))]))
    _update(values, _whole(values, posixpath.relpath(wdir, folder)))
    stream = io.StringIO()
    yaml.dump(values, stream)
    return stream.getvalue()


def _whole(values: Mapping[str, Any], wdir: str) -> dict[str, Any]:
    """The file's content as DVC has it; what says nothing is left out."""
    found = {
        "desc": values.get("desc"),
        "wdir": wdir if wdir != "." else None,
        "frozen": bool(values.get("frozen") or values.get("locked")),
        "outs": values["outs"],
        "always_changed": values.get("always_changed"),
        "meta": values.get("meta"),
    }
    return {key: value for key, value in found.items() if value}


def _output(out: Mapping[str, Any], path: str, item: Item) -> dict[str, Any]:
    fields = item.fields()
    content = {key: fields[key] for key in ("md5", "size", "nfiles", "isexec") if key in fields}
    said = {key: out[key] for key in _SAID if out.get(key)} | {
        key: False for key in _TURNED_OFF if out.get(key) is False
    }
    return content | {"hash": "md5", "path": path} | said


def _update(values: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Make the values the new ones; what stays is left where and as it is written."""
    for key, value in new.items():
        if key not in values or values[key] != value:
            values[key] = value
    for key in values.keys() - new.keys():
        del values[key]
