"""DVC's run cache: what a command once made of the same inputs and settings, kept by the hash of these."""

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base import files, yaml_text
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.base.yaml_text import NotYamlError
from morphseq_manifest.tracker.dvc.lock_entries import Entry, Item, write
from morphseq_manifest.tracker.dvc.modes import OWN, Modes, make_folder
from morphseq_manifest.tracker.dvc.stages import Stage

_LEFT_OUT = {"size", "nfiles"}


def is_kept(stage: Stage) -> bool:
    """Whether DVC looks a stage up in the run cache: it depends on something, and DVC may delete all that it makes."""
    depends = stage.deps or stage.params
    return bool(depends and stage.outs and not stage.always_changed and not any(out.persist for out in stage.outs))


def save(folder: Path, entry: Entry, modes: Modes = OWN) -> None:
    """Keep an entry in the run cache, which is `folder`."""
    path, text = folder / _key_path(entry) / _hash(entry.content()), write(entry).encode()
    try:
        if read_small(path) == text:
            return
    except FileNotFoundError:
        make_folder(path.parent, modes.folder)
    # Not beside it, where DVC would take for an entry what a killed run leaves half-written.
    temporary = folder / f"{files.TEMPORARY}{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_bytes(text)
        temporary.chmod(modes.file)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = str(path)
        raise


def find(folder: Path, asked: Entry) -> Sequence[Item] | None:
    """What was last made of the same command, dependencies and settings; None if nothing is known.

    `asked.outs` matter by their paths alone.
    """
    place = folder / _key_path(asked)
    try:
        newest = max(os.scandir(place), key=lambda entry: entry.stat().st_mtime)
    except (FileNotFoundError, ValueError):
        return None
    return outs(Path(newest.path))


def outs(path: Path) -> Sequence[Item] | None:
    """What an entry of the run cache says was made; None if it is damaged."""
    try:
        content = yaml_text.load(read_small(path).decode())
        items = [{key: value for key, value in item.items() if key != "hash"} for item in content["outs"]]
        return msgspec.convert(items, list[Item])
    except (OSError, NotYamlError, KeyError, TypeError, AttributeError, ValueError):
        return None  # damaged: as if it were not there; the stage runs, and its entry is written anew


def _key_path(entry: Entry) -> str:
    content = entry.content()
    key = _hash({**content, "outs": [item["path"] for item in content.get("outs", [])]})
    return f"{key[:2]}/{key}"


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(_essential(content), sort_keys=True).encode()).hexdigest()


def _essential(content: Any) -> Any:
    """The content without sizes, as DVC takes its hash."""
    if isinstance(content, list):
        return [_essential(item) for item in content]
    if isinstance(content, dict):
        return {key: _essential(value) for key, value in content.items() if key not in _LEFT_OUT}
    return content
