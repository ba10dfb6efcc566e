"""Content that this machine lacks, which DVC itself brings from its remote into its cache."""

import logging
from pathlib import Path

from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.tracker.dvc.cache import DvcCache


def fetch(root: Path, md5: str) -> Path:
    """Bring the content of this md5 from the default remote of the project in `root`; where it then lies.

    Raises UnreadableError, in DVC's words if it has any, if there is no remote, or it lacks the content.
    """
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what is missing is said here
    kind = "md5-dos2unix" if md5.startswith(":") else "md5"
    try:
        with Repo(str(root)) as repo:
            repo.cloud.pull([HashInfo(kind, md5.removeprefix(":"))])
    except Exception as error:
        raise UnreadableError(f"not in DVC's cache, and DVC can't fetch it: {' '.join(str(error).split())}") from error
    cache = DvcCache(root)
    if not cache.holds(md5):
        raise UnreadableError("neither in DVC's cache nor on its remote")
    return Path(cache.path(md5))
