"""The adopted manifest: which results of an experiment were taken over from the lab, not made by its stages.

`manifests/adopted/{exp}.json`, canonical and in git. A result is adopted as long as dvc.lock has the contents
that stand here; once its stage has run again, it is not, and what stands here is history.
"""

from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.manifests import canonical, places

SCHEMA = "morphseq/adopted/1"
# What nobody can tell of results that were taken over, by stage: dvc.lock has the project's own in their place.
UNKNOWN = {
    "qc_masks": ["settings", "version", "models"],
    "sam2": ["settings", "version", "model"],
    "build03": ["settings", "version", "scale"],
    "snips": ["settings", "version", "scale"],
    "latents": ["settings", "version", "model's content", "scale of the snips"],
}
_REMEDY = "Restore it: `git checkout`"


class AdoptedStage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The md5 of each output that was taken over, by its path, and what is unknown of how they were made."""

    outs: dict[str, str]
    unknown: list[str]


class AdoptedManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The results of an experiment that were taken over, by stage, and the digest of it all."""

    schema: str
    experiment: str
    stages: dict[str, AdoptedStage]
    digest: str


def add(root: Path, experiment: str, stage: str, outs: dict[str, str]) -> None:
    """Write that these outputs of a stage were taken over, beside what is there. Raises as `parse` does."""
    path = root / places.adopted(experiment)
    before = parse(files.read_bytes(path, _REMEDY), str(path)).stages if path.exists() else {}
    stages = before | {stage: AdoptedStage(outs, UNKNOWN[stage])}
    files.write_bytes(path, canonical.dump(canonical.seal(AdoptedManifest(SCHEMA, experiment, stages, digest=""))))


def parse(data: bytes, name: str) -> AdoptedManifest:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    manifest = canonical.parse(data, AdoptedManifest, SCHEMA, name, _REMEDY)
    if odd := manifest.stages.keys() - UNKNOWN.keys():
        raise ContentError(f"{name}: names stage {min(odd)!r}, whose results can't be taken over. {_REMEDY}")
    return manifest
