"""Content hashes, as 32 hex digits: the project's own, xxh3_128, and md5, by which DVC knows a file.

Both are for change and damage, not for attackers.
"""

from pathlib import Path

import xxhash

from morphseq_manifest.base import files
from morphseq_manifest.base.reading import feed


def hash_bytes(data: bytes | memoryview) -> str:
    """xxh3_128 of `data`, 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(data)


def hash_path(path: str) -> str:
    """The hash of a path, whatever bytes are in it: a name for the file with what is kept of it."""
    return hash_bytes(path.encode(errors="surrogateescape"))


def md5_bytes(data: bytes | memoryview) -> str:
    """md5 of `data`, as dvc.lock has it for a file."""
    import hashlib  # slow to start with: it loads all of OpenSSL

    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def hash_file(path: Path) -> str:
    """xxh3_128 of a file's bytes. Raises UnreadableError naming the file, also for a folder, a pipe or a device."""
    state = xxhash.xxh3_128()
    try:
        feed(str(path), (state,))
    except OSError as error:
        raise files.unreadable(path, error, "Restore it or its permissions") from error
    return state.hexdigest()
