"""The record of code: the fingerprints of each stage's modules, under the version of its results."""

import msgspec

from morphseq_manifest.cohort.manifests import canonical, places

SCHEMA = "morphseq/code/1"
REMEDY = f"Restore it: `git checkout {places.CODE}`"


class StageCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a stage's results, and the code behind it: fingerprints by module."""

    version: int
    modules: dict[str, str]


class CodeManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What manifests/code.json holds: the code of each stage."""

    schema: str
    stages: dict[str, StageCode]
    digest: str


def dump(stages: dict[str, StageCode]) -> bytes:
    """The canonical bytes."""
    return canonical.dump(canonical.seal(CodeManifest(SCHEMA, stages, "")))


def parse(data: bytes, name: str) -> dict[str, StageCode]:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    return canonical.parse(data, CodeManifest, SCHEMA, name, REMEDY).stages
