"""The project manifest: from which release a data repository was made, or last upgraded, and with which files.

`manifests/project.json`, canonical. By it, `morphseq upgrade` tells what the lab has edited since.
"""

from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.cohort.manifests import canonical, places

SCHEMA = "morphseq/project/1"
_REMEDY = "Restore it with `git checkout`"


class ProjectManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The release, and the xxh3_128 of each file that it carries, by path."""

    schema: str
    release: str
    files: dict[str, str]
    digest: str


def of(release: str, contents: dict[str, bytes]) -> ProjectManifest:
    """The sealed manifest of a project with these files."""
    hashes = {path: hash_bytes(data) for path, data in contents.items()}
    return canonical.seal(ProjectManifest(SCHEMA, release, hashes, digest=""))


def write(root: Path, manifest: ProjectManifest) -> None:
    """Write the canonical bytes in one step."""
    files.write_bytes(root / places.PROJECT, canonical.dump(manifest))


def read(root: Path) -> ProjectManifest | None:
    """The manifest of the project in `root`; None if there is none. Raises UnreadableError and ContentError."""
    path = root / places.PROJECT
    if not path.exists():
        return None
    return canonical.parse(files.read_bytes(path, _REMEDY), ProjectManifest, SCHEMA, str(path), _REMEDY)
