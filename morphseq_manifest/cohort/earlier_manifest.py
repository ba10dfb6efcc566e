"""An images manifest as it was recorded: the present one, or one in git's history."""

from collections.abc import Iterator
from pathlib import Path

from morphseq_manifest.base import git
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import ImagesManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.recorded import Recorded


def find(snapshot: CohortSnapshot, path: str, recorded: Recorded) -> ImagesManifest | None:
    """An images manifest with the recorded content: the present one, or one in git's history; None for none."""
    for data in _versions(snapshot, Path(path)):
        if md5_bytes(data) == recorded.md5:
            try:
                return images_manifest.parse(data, path)
            except MorphseqError:
                return None  # of another form: what it lists can't be determined
    return None


def _versions(snapshot: CohortSnapshot, path: Path) -> Iterator[bytes]:
    present = snapshot.content(path)
    if present is not None:
        yield present
    for commit in git.history(snapshot.root, path):
        data = git.content(snapshot.root, commit, path)
        if data is not None:
            yield data
