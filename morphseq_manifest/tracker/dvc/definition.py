"""dvc.yaml as it is written: read strictly, and which modules its commands run."""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morphseq_manifest.base import files, yaml_text
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.yaml_text import NotYamlError
from morphseq_manifest.tracker.dvc.context import files_of

PIPELINE = Path("dvc.yaml")
_MODULE_RUN = re.compile(r"\bpython[\d.]*\s+(?:-\w+\s+)*?-m\s+(\S+)")


def read_bytes(root: Path) -> bytes:
    """The bytes of `root`/dvc.yaml. Raises UnreadableError."""
    return files.read_bytes(root / PIPELINE, "Run this in the project's folder")


def parse(data: bytes, name: str) -> dict[str, Any]:
    """Read the bytes of a dvc.yaml, which may have no `stages`; `name` is for messages.

    Raises ConfigError for what is no pipeline.
    """
    try:
        values = yaml_text.load(data.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 at byte {error.start}. Save it as UTF-8") from error
    except NotYamlError as error:
        raise ConfigError(f"{name}{error.where}: not valid YAML: {error}") from error
    values = {} if values is None else values
    stages = values.setdefault("stages", {}) if isinstance(values, dict) else None
    if not isinstance(stages, Mapping) or not all(isinstance(entry, Mapping) for entry in stages.values()):
        raise ConfigError(f"{name}: no pipeline: expected `stages`, a mapping with a mapping for each stage")
    return dict(values)


def stage_modules(root: Path = Path()) -> dict[str, list[str]]:
    """The modules that the command of each stage or group in dvc.yaml runs by `python -m`.

    A stage that runs none has all its code in its command and dependencies, which DVC compares: it is left out.
    """
    stages: Mapping[str, Mapping[str, Any]] = parse(read_bytes(root), str(root / PIPELINE))["stages"]
    modules = {name: modules_run((entry.get("do") or entry).get("cmd") or []) for name, entry in stages.items()}
    return {name: found for name, found in modules.items() if found}


class OpenFilesError(Exception):
    """Which files a pipeline takes settings from depends on settings."""


def settings_files(values: Mapping[str, Any], folder: str = "") -> list[str]:
    """The files that `vars` of a pipeline in `folder`, and of its stages, may take settings from; from the project's.

    Raises OpenFilesError if a stage's depend on what its `wdir` is filled in with.
    """
    found = [posixpath.normpath(posixpath.join(folder, path)) for path in files_of(values.get("vars"))]
    for entry in values["stages"].values():
        stage = entry.get("do") if isinstance(entry.get("do"), Mapping) else entry
        wdir = stage.get("wdir") or ""
        named = files_of(stage.get("vars"))
        if named and (not isinstance(wdir, str) or "${" in wdir):
            raise OpenFilesError
        found += [posixpath.normpath(posixpath.join(folder, wdir, path)) for path in named]
    return [path for path in dict.fromkeys(found) if not path.startswith(("/", "../"))]


def modules_run(cmd: str | list[str]) -> list[str]:
    """The modules that a command runs by `python -m`."""
    return [name for line in ([cmd] if isinstance(cmd, str) else cmd) for name in _MODULE_RUN.findall(line)]
