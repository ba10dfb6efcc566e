"""The audit manifest: what was made again, of which commit, on which machine, by which versions, and how it compared.

`manifests/audit.json`, canonical. Whoever commits it says with that when it was.
"""

import platform
import re
from importlib import metadata
from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.cohort.manifests import canonical, places

SCHEMA = "morphseq/audit/1"
_NAME = "morphseq-manifest"
_PACKAGE = re.compile(r"[A-Za-z0-9._-]+")
_REMEDY = "`morphseq audit` writes it anew"


class Audited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stage that was made again, or some wells of it, and how each output compares; or why it failed."""

    stage: str
    wells: list[str]
    result: str
    outputs: dict[str, str]
    why: str = ""


class AuditManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draw and its results; `commit` is the project's, if it had no changes, and `left_out` counts by reason."""

    schema: str
    commit: str | None
    machine: str
    versions: dict[str, str]
    percent: float
    seed: int
    tolerance: float
    units: int
    drawn: int
    results: list[Audited]
    left_out: dict[str, int]
    digest: str


def machine() -> str:
    """The system, processor and name of this machine."""
    return f"{platform.system()} {platform.release()} {platform.machine()}, {platform.node()}"


def versions() -> dict[str, str]:
    """The versions of Python, this project, and what its stages ask for and is installed here."""
    asked = [text for text in metadata.requires(_NAME) or () if _is_of_stages(text)]
    names = {match[0] for text in asked if (match := _PACKAGE.match(text))}
    found = {"python": platform.python_version(), _NAME: metadata.version(_NAME)}
    for name in sorted(names):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _is_of_stages(requirement: str) -> bool:
    """Whether a requirement is of all installations, or of those that run stages."""
    return "extra ==" not in requirement or "stages" in requirement.partition("extra ==")[2]


def write(root: Path, manifest: AuditManifest) -> None:
    """Seal the manifest and write its canonical bytes in one step."""
    files.write_bytes(root / places.AUDIT, canonical.dump(canonical.seal(manifest)))


def parse(data: bytes, name: str) -> AuditManifest:
    """Read canonical bytes; `name` is for messages. Raises ContentError for anything else."""
    return canonical.parse(data, AuditManifest, SCHEMA, name, _REMEDY)
