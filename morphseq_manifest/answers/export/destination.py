"""Where a crate may be written: nothing that no export has written is replaced, unless that is asked for."""

import os
from pathlib import Path

from morphseq_manifest.answers.export import archive, hashes, writing
from morphseq_manifest.answers.export.hashes import SUMS
from morphseq_manifest.answers.export.metadata import PATH as METADATA
from morphseq_manifest.answers.export.writing import ZIP
from morphseq_manifest.base.errors import ConfigError, MorphseqError
from morphseq_manifest.tracker import own_files


def check_free(path: Path, root: Path, force: bool) -> None:
    """Raise ConfigError if what is at `path` may not be replaced: what is not an export, unless `force` is given.

    A folder that the project, or the present folder, is in is never replaced, nor is what a stage reads or makes.
    """
    place = Path(os.path.realpath(path))
    if any(Path(os.path.realpath(folder)).is_relative_to(place) for folder in (root, ".")):
        raise ConfigError(f"{path}: the folder of the project, or the present one, is in it. Name another")
    own_files.check_free(root, path)
    if place.is_dir() and writing.is_zip(path):
        raise ConfigError(f"{path}: a folder. Name another file")
    if place.exists() and place.is_file() and not writing.is_zip(path):
        raise ConfigError(f"{path}: a file. Name a folder, or a file whose name ends with {ZIP}")
    if place.exists() and not force and not _is_export(place):
        raise ConfigError(f"{path}: there is something that no export has written. Name another place, or give --force")


def _is_export(place: Path) -> bool:
    """Whether there is nothing, or a crate and nothing else."""
    if place.is_dir() and not any(place.iterdir()):
        return True
    try:
        if place.is_dir() and not (place / METADATA).is_file():
            return False  # perhaps a large one
        with archive.opened(place) as found:
            names = set(found.names())
            return METADATA in names and names == {SUMS, *hashes.parse_sums(found.read(SUMS))}
    except (MorphseqError, OSError, KeyError):
        return False
