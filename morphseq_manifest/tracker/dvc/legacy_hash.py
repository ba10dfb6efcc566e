"""The md5 by which DVC 2 knew content: of what looks like text, each `\\r\\n` counts as `\\n`.

As dvc_data's `md5-dos2unix`, in its hashfile/hash.py and istextfile.py: told anew for each MiB, from its beginning.
"""

from pathlib import Path

_CHUNK = 1 << 20
_LOOKED_AT = 512
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_MOST_ODD = 0.3


def legacy_md5(path: Path) -> str:
    """The md5 of a file, as DVC 2 takes it. Raises OSError."""
    import hashlib

    state = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk.replace(b"\r\n", b"\n") if _is_text(chunk[:_LOOKED_AT]) else chunk)
    return state.hexdigest()


def _is_text(beginning: bytes) -> bool:
    odd = beginning.translate(None, _TEXT)
    return b"\0" not in beginning and len(odd) / len(beginning) <= _MOST_ODD
