"""What is at a path, file by file: size and md5, as the node that wrote it sees it."""

import hashlib
import os
from collections.abc import Iterator

from morphseq_manifest.tracker.run.jobs.place import TEMPORARY

_BLOCK = 1 << 20


def listed(path: str) -> dict[str, tuple[int, str]]:
    """The size and md5 of each file at a path, by its path in it, of a file itself by "": nothing if none is there."""
    return {inside: (os.stat(at).st_size, md5_of(at)) for inside, at in members(path)}  # noqa: PTH116


def members(path: str) -> Iterator[tuple[str, str]]:
    """The files at a path: the path of each in it, and where it is."""
    if os.path.isfile(path):  # noqa: PTH113
        yield "", path
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(TEMPORARY))
        for name in names:
            if not name.startswith(TEMPORARY):
                yield f"{folder}/{name}"[len(path) + 1 :], f"{folder}/{name}"


def md5_of(path: str) -> str:
    """The md5 of a file. Raises OSError."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
