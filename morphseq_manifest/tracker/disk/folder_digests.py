"""The digests of many large folders, taken in several processes: one interpreter can't use more than one processor."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping

from morphseq_manifest.tracker.disk.folder_stats import Folder
from morphseq_manifest.tracker.disk.stat_cache import KnownFolder
from morphseq_manifest.tracker.dvc.ignoring import Ignore

# Fewer files than this take less time than starting the processes.
_WORTH_FILES = 30_000


def unchanged(root: str, folders: Mapping[str, KnownFolder], ignore: Ignore) -> Iterator[str]:
    """Those of the folders whose stats are what they were; none where processes do not pay or can't be had safely."""
    count = os.cpu_count() or 1
    few = sum(known.nfiles for known in folders.values()) < _WORTH_FILES
    if few or count == 1 or sys.platform != "linux" or threading.active_count() > 1:
        return
    from multiprocessing import get_context

    # A terminal sends Ctrl-C to all processes, but it is for this one, which ends the others.
    with get_context("fork").Pool(count, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        asked = [(root, path, ignore) for path in folders]
        for path, digest in pool.imap_unordered(_digest, asked, chunksize=2):
            if digest == folders[path].digest:
                yield path


def _digest(asked: tuple[str, str, Ignore]) -> tuple[str, bytes | None]:
    return asked[1], Folder(*asked).digest_now()
