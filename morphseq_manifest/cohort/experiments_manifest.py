"""The experiments manifest: which experiments params.yaml listed, with which segmenters, as its stage last saw it."""

from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.manifests import canonical

SCHEMA = "morphseq/experiments/1"
_REMEDY = "Restore it with `git checkout`, or run `dvc repro experiments` again"


class ExperimentsManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The experiments of params.yaml, with their segmenters."""

    schema: str
    experiments: dict[str, Experiment]
    digest: str


def write(path: Path, experiments: dict[str, Experiment]) -> None:
    """Write the canonical bytes in one step."""
    files.write_bytes(path, canonical.dump(canonical.seal(ExperimentsManifest(SCHEMA, experiments, digest=""))))


def parse(data: bytes, name: str) -> ExperimentsManifest:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    return canonical.parse(data, ExperimentsManifest, SCHEMA, name, _REMEDY)
