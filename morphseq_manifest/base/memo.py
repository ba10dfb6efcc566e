"""What was made of some bytes is kept in a disposable file, and made again only of other bytes or by other code.

dvc.lock, dvc.yaml and params.yaml are small but slow to parse; a digest of them is quick to take.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec
import xxhash

from morphseq_manifest.base import files
from morphseq_manifest.base.reading import read_small

_DIGEST = 16
Made = TypeVar("Made")


def recall(root: Path, name: str, sources: Sequence[bytes], kind: type[Made], make: Callable[[], Made]) -> Made:
    """What `make` gives for `sources`: from the file `name` if it was made of the same bytes, else made now.

    `kind` is its type as msgspec decodes it. Raises what `make` raises.
    """
    key = xxhash.xxh3_128(_code())
    for source in sources:
        key.update(xxhash.xxh3_128_digest(source))
    path = root / files.OWN / f"{name}.memo"
    data = load(path, key.digest())
    if data is not None:
        try:
            return msgspec.msgpack.decode(data, type=kind)
        except msgspec.DecodeError:
            pass  # of another form: made anew, and replaced
    made = make()
    # What would come back as something else, a date as a text, is made every time; so is what can't be encoded.
    with contextlib.suppress(msgspec.MsgspecError, OverflowError, RecursionError):
        encoded = msgspec.msgpack.encode(made)
        if msgspec.msgpack.decode(encoded, type=kind) == made:
            store(path, key.digest(), encoded)
    return made


def load(path: Path, key: bytes) -> memoryview | None:
    """What was stored under this key of 16 bytes; None if it is another's, cut short, damaged or not there."""
    try:
        data = memoryview(read_small(path))
    except OSError:
        return None  # to be without is slower, not wrong
    body = data[2 * _DIGEST :]
    whole = data[:_DIGEST] == key and data[_DIGEST : 2 * _DIGEST] == xxhash.xxh3_128_digest(body)
    return body if whole else None


def store(path: Path, key: bytes, data: bytes) -> None:
    """Keep `data` for the next time, if it can be; only in a project that DVC has a folder in."""
    if not path.parents[2].is_dir():
        return
    try:
        with files.replacing(path, durable=False) as temporary:
            temporary.write_bytes(key + xxhash.xxh3_128_digest(data) + data)
    except OSError:
        pass  # a full disk or a read-only project: it is made again the next time


@cache
def _code() -> bytes:
    """A digest of the library's files as they are installed: what another version made is not relied on."""
    digest = xxhash.xxh3_128()
    for folder, _, names in sorted(os.walk(Path(__file__).parents[1])):
        for name in sorted(names):
            if name.endswith(".py"):
                status = os.stat(f"{folder}/{name}")  # noqa: PTH116 - a path object takes longer than the stat
                digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.digest()
