"""The stages of one dvc.yaml: resolved only if it, or a file that it is filled in from, is another than last time."""

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.hashing import hash_path
from morphseq_manifest.tracker.dvc import definition
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.dvc.stages import Stage

if TYPE_CHECKING:
    from morphseq_manifest.tracker.snapshot import Snapshot


def stages_in(
    snapshot: "Snapshot", path: str, data: bytes, style: Mapping[str, str]
) -> tuple[list[Stage], list[bytes] | None]:
    """The stages of the dvc.yaml at `path`, whose bytes are `data`, and all that they were made of, if that is known.

    `style` is as in `resolve`. Raises as that, and UnreadableError if what the top one is filled in from is not there.
    """
    name, folder = snapshot.name(Path(path)), posixpath.dirname(path)
    end = f".{hash_path(path)}" if folder else ""
    default = posixpath.join(folder, PARAMS.name)

    def asked() -> list[str]:
        return definition.settings_files(definition.parse(data, name), folder)

    def make() -> list[Stage]:
        return _resolved(snapshot, path, definition.parse(data, name), style, default)

    try:
        files = [default, *snapshot.recall(f"vars{end}", [data], list[str], asked)]
    except definition.OpenFilesError:
        return make(), None
    found = [snapshot.content(Path(file)) for file in files]
    sources = [data, *(b"" if content is None else b"." + content for content in found), repr(style).encode()]
    return snapshot.recall(f"stages{end}", sources, list[Stage], make), sources


def _resolved(
    snapshot: "Snapshot", path: str, written: Mapping[str, Any], style: Mapping[str, str], default: str
) -> list[Stage]:
    """The stages, worked out."""
    from morphseq_manifest.tracker.dvc.interpolation import NoValueError
    from morphseq_manifest.tracker.dvc.resolving import resolve  # most commands find that nothing has changed

    def load(file: str) -> Mapping[str, Any]:
        return (snapshot.settings_of(file) or {}) if file == default else snapshot.filled_in_from(file)

    name = snapshot.name(Path(path))
    try:
        return resolve(written, load, name, style, path)
    except NoValueError as error:
        if path != definition.PIPELINE.name or snapshot.settings_of(default) is not None:
            raise
        raise UnreadableError(f"{snapshot.name(PARAMS)}: not there. Is this the project's folder? {error}") from error
