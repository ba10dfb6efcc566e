"""A `.dvc` file, with which `dvc add` and `dvc import` track data: a stage that runs nothing, and what it records."""

import posixpath
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from morphseq_manifest.base import yaml_text
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.yaml_text import NotYamlError
from morphseq_manifest.tracker.dvc.recorded import Recorded, recorded_from_yaml
from morphseq_manifest.tracker.dvc.stages import Output, Stage

_FLAGS = {"path", "cache", "persist", "desc", "type", "labels", "meta", "remote", "push"}


class Tracked(NamedTuple):
    """The stage, and what it records of its outputs, by path; nothing of one that is new."""

    stage: Stage
    outs: dict[str, Recorded]


def parse(data: bytes, path: str, name: str) -> Tracked:
    """Read the bytes of a `.dvc` file at `path`; `name` is for messages. Raises ConfigError for what can't be used."""
    try:
        values = yaml_text.load(data.decode())
        outs = msgspec.convert(values.get("outs") or [], list[dict[str, Any]])
        folder = posixpath.join(posixpath.dirname(path), values.get("wdir") or "")
        found = dict(_output(item, folder) for item in outs)
        known = {out.path: recorded for out, recorded in found.items() if recorded}
        return Tracked(_stage(values, path, list(found)), known)
    except (NotYamlError, UnicodeDecodeError, TypeError, AttributeError, KeyError, ValueError) as error:
        raise ConfigError(f"{name}: can't be used: {' '.join(str(error).split())}. Correct it") from error


def _stage(values: Mapping[str, Any], path: str, outs: list[Output]) -> Stage:
    is_import = bool(values.get("deps"))
    if is_import and not values.get("frozen"):
        raise ValueError("an import that is not frozen is not supported: `dvc freeze` it, or use `dvc status`")
    if values.get("cmd"):
        raise ValueError("a command in a `.dvc` file is not supported: move it into dvc.yaml, or use `dvc repro`")
    # Data has no md5 of the file itself: to DVC, one that an older release wrote is a change.
    always = bool(values.get("always_changed") or (values.get("md5") and not is_import))
    return Stage(path, path, None, "", [], {}, outs, {}, is_import, always, file=path)


def _output(item: dict[str, Any], folder: str) -> tuple[Output, Recorded | None]:
    path = posixpath.normpath(posixpath.join(folder, item["path"]))
    if path.startswith(("../", "/")) or "://" in item["path"]:
        raise ValueError(f"{item['path']!r} is outside of the project, which is not supported")
    content = {key: value for key, value in item.items() if key not in _FLAGS}
    cache, persist = item.get("cache", True), item.get("persist", False)
    recorded = recorded_from_yaml({"path": path, **content}) if content.keys() & {"md5", "files"} else None
    return Output(path, cache is True, persist is True, False), recorded
