"""What was made of some bytes is kept in a disposable file, and made again only of other bytes or by other code.

dvc.lock, dvc.yaml and params.yaml are small but slow to parse; a digest of them is quick to take.
"""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import xxhash

from morphseq_manifest.base import files, kept
from morphseq_manifest.base.kinds import known

Made = TypeVar("Made")


def recall(root: Path, name: str, sources: Sequence[bytes], kind: type[Made], make: Callable[[], Made]) -> Made:
    """What `make` gives for `sources`: from the file `name` if it was made of the same bytes, else made now.

    `kind` is its type as msgspec decodes it. Raises what `make` raises.
    """
    key = xxhash.xxh3_128(kept.code())
    for source in sources:
        key.update(xxhash.xxh3_128_digest(source))
    path = root / files.OWN / f"{name}.memo"
    data = kept.load(path, key.digest())
    if data is not None:
        try:
            return msgspec.msgpack.decode(data, type=known(kind))
        except msgspec.DecodeError:
            pass  # of another form: made anew, and replaced
    made = make()
    # What would come back as something else, a date as a text, is made every time; so is what can't be encoded.
    with contextlib.suppress(msgspec.MsgspecError, OverflowError, RecursionError, UnicodeError):
        encoded = msgspec.msgpack.encode(made)
        if msgspec.msgpack.decode(encoded, type=known(kind)) == made:
            kept.store(path, key.digest(), encoded)
    return made
