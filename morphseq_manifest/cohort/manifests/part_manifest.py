"""The part manifest: from which contents a cohort table takes an experiment's rows.

`manifests/df01_parts/{exp}.json` and `manifests/df03_parts/{exp}.json`, canonical, written by a stage an experiment. A
cohort stage depends on such a folder, in which, by the `experiments` stage, only what is listed stays.
"""

from collections.abc import Collection
from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.cohort.manifests import canonical, places

SCHEMA = "morphseq/part/1"
# By table: the stages whose results it takes of each experiment. The contributions of its manifest have their md5, too.
SOURCES = {"df01": ("images", "sam2", "build03"), "df03": ("latents",)}


class PartManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The md5 of what each of the stages in SOURCES made of an experiment, by stage."""

    schema: str
    table: str
    experiment: str
    contents: dict[str, str]
    digest: str


def of(table: str, experiment: str, contents: dict[str, str]) -> PartManifest:
    """The sealed manifest of an experiment's part of a table."""
    return canonical.seal(PartManifest(SCHEMA, table, experiment, contents, digest=""))


def write(manifest: PartManifest) -> None:
    """Write the canonical bytes in one step."""
    files.write_bytes(places.part(manifest.table, manifest.experiment), canonical.dump(manifest))


def read(table: str, experiment: str) -> PartManifest:
    """Read a manifest whole. Raises UnreadableError if it can't be read, ContentError if it is not of this part."""
    path, remedy = places.part(table, experiment), f"Run `dvc repro {table}_part@{experiment}`"
    manifest = canonical.parse(files.read_bytes(path, remedy), PartManifest, SCHEMA, str(path), remedy)
    if (manifest.table, manifest.experiment) != (table, experiment):
        raise ContentError(f"{path}: is of {manifest.experiment} in {manifest.table}. {remedy}")
    return manifest


def parse(data: bytes, name: str) -> PartManifest:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    return canonical.parse(data, PartManifest, SCHEMA, name, "Run its stage again")


def md5_of(table: str, experiment: str, contents: dict[str, str]) -> str:
    """The md5 of the file that says so."""
    return md5_bytes(canonical.dump(of(table, experiment, contents)))


def unlisted(table: str, experiments: Collection[str]) -> list[Path]:
    """The parts of a table that are of no experiment listed."""
    return sorted(path for path in places.parts(table).glob("*.json") if path.stem not in experiments)
