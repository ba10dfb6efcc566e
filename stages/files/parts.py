"""What a cohort table takes of an experiment: read, and held against what is recorded of it."""

from collections.abc import Collection
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.cohort.manifests import part_manifest, places
from morphseq_manifest.cohort.manifests.part_manifest import PartManifest
from morphseq_manifest.tracker.dvc.params_file import PARAMS


def check_listed(table: str, experiments: Collection[str]) -> None:
    """Raise ContentError if there are parts of a table that are not of these experiments: their folder is its input."""
    if others := part_manifest.unlisted(table, experiments):
        raise ContentError(
            f"{others[0]}: {others[0].stem} is not listed in {PARAMS}. `dvc repro --force --single-item experiments` "
            "takes away what is not listed"
        )


def contents(paths: dict[str, Path]) -> dict[str, str]:
    """The md5 of each of these files, by the stage that makes it. Raises UnreadableError for one that is missing."""
    return {
        stage: md5_bytes(files.read_bytes(path, f"Run `dvc repro {stage}` for it")) for stage, path in paths.items()
    }


def checked(part: PartManifest, stage: str, path: Path, data: bytes) -> str:
    """The md5 of what a stage made. Raises ContentError if `data`, as read from `path`, is not what `part` records."""
    md5 = md5_bytes(data)
    if part.contents.get(stage) != md5:
        recorded = places.part(part.table, part.experiment)
        raise ContentError(
            f"{path}: its md5 is {md5}, {recorded} has {part.contents.get(stage, 'none')}. "
            f"Run `dvc repro {part.table}_part@{part.experiment}`"
        )
    return md5
