"""The project's own files: what a command writes for people may stand anywhere but in their place."""

import os
from pathlib import Path

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.definition import PIPELINE
from morphseq_manifest.tracker.dvc.lock_reading import LOCK
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.snapshot import Snapshot

_FOLDERS = {".dvc", ".git"}
_FILES = {str(PIPELINE), str(LOCK), str(PARAMS), ".dvcignore", ".gitignore"}


def check_free(root: Path, path: Path) -> None:
    """Raise ConfigError if `path` is a file or folder that is the project's own, or lies in one that a stage uses.

    Where links lead counts, as it does for whoever writes there. Raises as Snapshot.lock does.
    """
    top = Path(os.path.realpath(root))
    places = {Path(os.path.realpath(path.parent)) / path.name, Path(os.path.realpath(path))}
    insides = [place.relative_to(top) for place in places if place.is_relative_to(top)]
    if any(inside.parts[:1] and (inside.parts[0] in _FOLDERS or str(inside) in _FILES) for inside in insides):
        raise ConfigError(f"{path}: the project's own. Name another file")
    above = {str(folder) for inside in insides for folder in (inside, *inside.parents)}
    for stage, entry in Snapshot(root).lock.items() if above else ():
        for used in (*entry.deps, *entry.outs):
            if used in above:
                raise ConfigError(f"{path}: {used} is what stage {stage} reads or makes. Name another file")
