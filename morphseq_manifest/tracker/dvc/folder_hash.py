"""How DVC counts a folder: the md5 of a listing of its files' paths and md5s, which its cache keeps."""

from collections.abc import Mapping

from morphseq_manifest.base.hashing import md5_bytes


def folder_md5(md5s: Mapping[str, str]) -> str:
    """The md5 by which DVC knows a folder, `.dir` at its end, from the md5 of each file by its path in the folder."""
    return md5_bytes(folder_listing(md5s)) + ".dir"


def folder_listing(md5s: Mapping[str, str]) -> bytes:
    """What DVC's cache holds of a folder: its files' paths and md5s."""
    import json

    listed = [{"md5": md5s[path], "relpath": path} for path in sorted(md5s)]
    return json.dumps(listed, sort_keys=True).encode()
