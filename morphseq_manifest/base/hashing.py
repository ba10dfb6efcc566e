"""Content hashes, as 32 hex digits: the project's own, xxh3_128, and md5, by which DVC knows a file.

Both are for change and damage, not for attackers.
"""

from collections.abc import Iterable
from pathlib import Path

import xxhash

from morphseq_manifest.base.errors import UnreadableError

_CHUNK = 1 << 20


def hash_bytes(data: bytes | memoryview) -> str:
    """xxh3_128 of `data`, 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(data)


def md5_bytes(data: bytes | memoryview) -> str:
    """md5 of `data`, as dvc.lock has it for a file."""
    import hashlib  # slow to start with: it loads all of OpenSSL

    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def hash_chunks(chunks: Iterable[bytes | memoryview]) -> str:
    """xxh3_128 of the chunks one after the other."""
    state = xxhash.xxh3_128()
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()


def hash_file(path: Path) -> str:
    """xxh3_128 of a file's bytes, read in pieces of 1 MiB. Raises UnreadableError naming the file."""
    try:
        with path.open("rb") as file:
            return hash_chunks(iter(lambda: file.read(_CHUNK), b""))
    except OSError as error:
        raise UnreadableError(f"{path}: can't be read ({error.strerror}). Restore it or its permissions") from error
