"""Where the content of an output lies, of the working tree or of a commit, which nothing is checked out of."""

from pathlib import Path

from morphseq_manifest.base import git
from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.tracker.dvc.cache import DvcCache
from morphseq_manifest.tracker.dvc.lock_reading import LOCK
from morphseq_manifest.tracker.dvc.recorded import Recorded
from morphseq_manifest.tracker.snapshot import Snapshot


def find(snapshot: Snapshot, stage: str, path: str) -> Path:
    """The file with what `stage` made at `path`, which dvc.lock names: in the working tree, or of a commit's content.

    That is in DVC's cache, or still in its place, or else DVC brings it from its remote. Raises UnreadableError saying
    what would make it if it is nowhere.
    """
    if (place := held(snapshot, stage, path)) is not None:
        return place
    from morphseq_manifest.tracker.dvc.remote import fetch

    try:
        return fetch(snapshot.root, recorded(snapshot, stage, path).kept)
    except UnreadableError as error:
        raise UnreadableError(f"{_name(snapshot, path)}: {error}. {_maker(snapshot, stage)}") from error


def held(snapshot: Snapshot, stage: str, path: str) -> Path | None:
    """The same, if this machine has it; in the working tree it may be missing from its place."""
    if not snapshot.commit:
        return snapshot.root / path
    md5, cache = recorded(snapshot, stage, path).kept, DvcCache(snapshot.root)
    if cache.holds(md5):
        return Path(cache.path(md5))
    from morphseq_manifest.tracker.disk.workspace import Workspace

    is_in_place = Workspace(snapshot.root).look([path])[path].md5 == md5
    return snapshot.root / path if is_in_place else None


def recorded(snapshot: Snapshot, stage: str, path: str) -> Recorded:
    """What dvc.lock has of an output, which it names."""
    entry = snapshot.entry(stage)
    assert entry is not None
    return entry.outs[path]


def damaged(snapshot: Snapshot, stage: str, path: str) -> ContentError:
    """What to say of content that is there, but not what the stage made."""
    if not snapshot.commit:
        return ContentError(
            f"{snapshot.root / path}: not what dvc.lock has of it. `dvc checkout {path}` brings that back"
        )
    return ContentError(f"{_name(snapshot, path)}: what is in DVC's cache is damaged. {_maker(snapshot, stage)}")


def _name(snapshot: Snapshot, path: str) -> str:
    return f"{path} at {snapshot.label}"


def _maker(snapshot: Snapshot, stage: str) -> str:
    """Which stage at which commit makes it, and how."""
    recorded = snapshot.recorded_in(LOCK) or str(snapshot.commit)
    return (
        f"Stage {stage} makes it, at commit {git.describe(snapshot.root, recorded)}: "
        f"`git worktree add FOLDER {recorded[:12]}`, and there `dvc repro {stage}`"
    )
