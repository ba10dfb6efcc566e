"""The cohort manifest: which experiments, with which content, are in df01, df02 or df03.

`manifests/{name}.json`, canonical, an experiment a line. The stage that writes the table writes it, from what it
has really read and written.
"""

from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.cohort.manifests import canonical

SCHEMA = "morphseq/cohort/1"
_REMEDY = "Restore it with `git checkout`, or run its stage again"


class Contribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one experiment is in a cohort table.

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


def write(path: Path, manifest: CohortManifest) -> None:
    """Seal the manifest and write its canonical bytes in one step."""
    files.write_bytes(path, canonical.dump(canonical.seal(manifest)))


def read(path: Path) -> CohortManifest:
    """Read a manifest whole. Raises UnreadableError if it can't be read, ContentError if it was edited or cut."""
    return parse(files.read_bytes(path, _REMEDY), str(path))


def parse(data: bytes, name: str) -> CohortManifest:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    return canonical.parse(data, CohortManifest, SCHEMA, name, _REMEDY)
