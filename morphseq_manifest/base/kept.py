"""What is kept for the next time, each in a disposable file of its own: under a key, and only if it is whole."""

import os
from functools import cache

import xxhash

from morphseq_manifest.base.small_files import read_own

_DIGEST = 16


def load(path: "str | os.PathLike[str]", key: bytes) -> memoryview | None:
    """What was stored under this key of 16 bytes; None if it is another's, cut short, damaged or not there."""
    try:
        data = memoryview(read_own(path))
    except OSError:
        return None  # to be without is slower, not wrong
    body = data[2 * _DIGEST :]
    whole = data[:_DIGEST] == key and data[_DIGEST : 2 * _DIGEST] == xxhash.xxh3_128_digest(body)
    return body if whole else None


def store(path: "str | os.PathLike[str]", key: bytes, data: bytes) -> None:
    """Keep `data` for the next time, if it can be; only in a project that DVC has a folder in."""
    from pathlib import Path

    from morphseq_manifest.base import files

    place = Path(path)
    if not place.parents[2].is_dir():
        return
    try:
        with files.replacing(place, durable=False) as temporary:
            temporary.write_bytes(key + xxhash.xxh3_128_digest(data) + data)
    except OSError:
        pass  # a full disk or a read-only project: it is made again the next time


@cache
def code() -> bytes:
    """A digest of the library's files as they are installed: what another version made is not relied on."""
    digest = xxhash.xxh3_128()
    library = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib starts slowly
    folders = [library]
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    digest.update(f"{entry.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
                elif entry.name != "__pycache__" and entry.is_dir():
                    folders.append(entry.path)
    return digest.digest()
