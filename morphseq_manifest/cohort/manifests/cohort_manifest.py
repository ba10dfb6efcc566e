"""The cohort manifest: which experiments, with which content, are in df01, df02 or df03.

`manifests/{name}.json`, canonical, an experiment a line. The stage that writes the table writes it, from what it
has really read and written.
"""

from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.cohort.manifests import canonical

SCHEMA = "morphseq/cohort/2"
# Manifests of this schema, which had no funnel, are in the history, and in projects in which nothing has run since.
FIRST_SCHEMA = "morphseq/cohort/1"
_REMEDY = "Restore it with `git checkout`, or run its stage again"


class FirstContribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one experiment is in a cohort table, as far as schema 1 said.

    `contributed` is the xxh3_128 of its rows as they stand in the table. `images`, `sam2` and `build03` say which
    content they come from: the md5 of the images manifest and of the two tables, as dvc.lock has them; `versions` are
    those of the stages that made them. `blank` counts cells that are empty if a number was hoped for, by column.
    `latents` and `with_latents` are for df03: the md5 of the experiment's latents, and how many of its rows have some.
    """

    rows: int
    embryos: int
    wells: int
    frames: int
    contributed: str
    segmenter: str
    images: str
    sam2: str
    build03: str
    versions: dict[str, int]
    blank: dict[str, int]
    latents: str | None = None
    with_latents: int | None = None

    @property
    def coverage(self) -> float | None:
        """The share of rows with latents; None if there are no rows, or the table has no latents."""
        return self.with_latents / self.rows if self.rows and self.with_latents is not None else None


class Contribution(FirstContribution, frozen=True, forbid_unknown_fields=True):
    """What one experiment is in a cohort table, and how many rows and frames were lost on the way to it.

    `funnel` has the counts that funnel.py names; it is empty in schema 1. `reasons` is for df02 and df03: how many rows
    of df02 are not usable for each reason; a row with two counts in each.
    """

    funnel: dict[str, int] = {}
    reasons: dict[str, int] = {}


class CohortManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a cohort table holds: its hash, rows and columns, the settings behind it, and each experiment's part.

    `filled` names the columns that some experiments lack, with those experiments.
    """

    schema: str
    table: str
    hash: str
    rows: int
    columns: int
    filled: dict[str, list[str]]
    params: dict[str, Any]
    versions: dict[str, int]
    model: str | None
    coverage: float | None
    experiments: dict[str, Contribution]
    digest: str


class _FirstManifest(CohortManifest, frozen=True, forbid_unknown_fields=True):
    """The same with what schema 1 said of each experiment."""

    experiments: dict[str, FirstContribution]  # type: ignore[assignment]


def write(path: Path, manifest: CohortManifest) -> None:
    """Seal the manifest and write its canonical bytes in one step."""
    files.write_bytes(path, canonical.dump(canonical.seal(manifest)))


def read(path: Path) -> CohortManifest:
    """Read a manifest whole. Raises UnreadableError if it can't be read, ContentError if it was edited or cut."""
    return parse(files.read_bytes(path, _REMEDY), str(path))


def parse(data: bytes, name: str) -> CohortManifest:
    """Read canonical bytes, also of schema 1; `name` is for messages. Raises ContentError for anything else."""
    if not data.startswith(b'{\n"schema":"%s"' % FIRST_SCHEMA.encode()):
        return canonical.parse(data, CohortManifest, SCHEMA, name, _REMEDY)
    first = canonical.parse(data, _FirstManifest, FIRST_SCHEMA, name, _REMEDY)
    parts = {experiment: Contribution(**msgspec.structs.asdict(part)) for experiment, part in first.experiments.items()}
    return CohortManifest(**msgspec.structs.asdict(first) | {"experiments": parts})
