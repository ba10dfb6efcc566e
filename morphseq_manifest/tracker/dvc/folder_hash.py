"""How DVC counts a folder: the md5 of a listing of its files' paths and md5s, which its cache keeps."""

import re
from collections.abc import Mapping

import msgspec

from morphseq_manifest.base.hashing import md5_bytes

_MD5 = re.compile(r"[0-9a-f]{32}")


def folder_md5(md5s: Mapping[str, str]) -> str:
    """The md5 by which DVC knows a folder, `.dir` at its end, from the md5 of each file by its path in the folder."""
    return md5_bytes(folder_listing(md5s)) + ".dir"


def folder_listing(md5s: Mapping[str, str]) -> bytes:
    """What DVC's cache holds of a folder: its files' paths and md5s."""
    import json

    listed = [{"md5": md5s[path], "relpath": path} for path in sorted(md5s)]
    return json.dumps(listed, sort_keys=True).encode()


def parse_listing(data: bytes) -> dict[str, str]:
    """The md5 of each file of a folder by its path in it, from what DVC's cache holds of the folder.

    A cache may be shared. Raises ValueError for what is not such a listing: an md5 that is not 32 hex digits, and a
    path that is not one inside the folder, by which something elsewhere would be read, written or deleted.
    """
    try:
        entries = msgspec.json.decode(data, type=list[_Entry])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not a listing of a folder: {error}") from error
    for entry in entries:
        if not _MD5.fullmatch(entry.md5):
            raise ValueError(f"{entry.md5!r} is not an md5")
        if "\0" in entry.relpath or any(part in {"", ".", ".."} for part in entry.relpath.split("/")):
            raise ValueError(f"{entry.relpath!r} is not a path inside a folder")
    return {entry.relpath: entry.md5 for entry in entries}


class _Entry(msgspec.Struct):
    md5: str
    relpath: str
