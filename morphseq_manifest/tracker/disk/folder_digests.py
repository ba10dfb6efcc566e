"""The digests of many large folders, taken in several processes."""

import os
from collections.abc import Mapping

from morphseq_manifest.tracker.disk.folder_stats import Folder
from morphseq_manifest.tracker.disk.forks import can_fork, forked
from morphseq_manifest.tracker.disk.stat_cache import KnownFolder
from morphseq_manifest.tracker.dvc.ignoring import Ignore

# Fewer files than this take less time than starting the processes.
_WORTH_FILES = 30_000


def unchanged(root: str, folders: Mapping[str, KnownFolder], ignore: Ignore) -> list[str]:
    """Those of the folders whose stats are what they were; none if processes do not pay or can't be forked safely."""
    if sum(known.nfiles for known in folders.values()) < _WORTH_FILES:
        return []
    count = os.cpu_count() or 1
    if count == 1 or not can_fork():
        return []

    def digest(path: str) -> tuple[str, bytes | None]:
        return path, Folder(root, path, ignore).digest_now()

    with forked(digest, list(folders), count) as digests:
        return [path for path, digest in digests if digest == folders[path].digest]
