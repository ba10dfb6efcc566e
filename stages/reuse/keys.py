"""Keys: one hash of everything that a result is made from. The same key, the same bytes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.cohort.manifests import stack_index
from morphseq_manifest.cohort.manifests.images_manifest import Frame

_encode = msgspec.json.Encoder(order="deterministic").encode


def key(stage: str, version: int, **made_from: Any) -> str:
    """The key of what `stage` makes from these: settings, hashes of contents, all that the bytes depend on."""
    return hash_bytes(_encode([stage, version, made_from]))


def frames(listed: Iterable[Frame]) -> list[tuple[int, str]]:
    """Frames as a part of a key: their numbers and the hashes of their files, not what the files are called."""
    return [(frame.time_int, frame.xxh3_128) for frame in listed]


def model(folder: Path) -> str:
    """A model folder as a part of a key: its files' names and contents. Raises UnreadableError naming it."""
    return stack_index.build(folder).digest
