"""What a folder held when it was recorded, file by file: from the images manifest or contents index that lists it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort import earlier_manifest
from morphseq_manifest.cohort.manifests import places, stack_index
from morphseq_manifest.cohort.manifests.images_manifest import ImagesManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.recorded import Recorded

# By path in the folder: size in bytes and xxh3_128.
Listing = Mapping[str, dict[str, Any]]


class ListedFrames:
    """Which images manifest lists which folder of frames, as the stages that write them last ran."""

    def __init__(self, snapshot: CohortSnapshot) -> None:
        self._snapshot = snapshot
        self._folders: dict[str, str] = {}
        self._manifests: dict[str, tuple[str, Recorded]] = {}
        for entry in snapshot.lock.values():
            for path, recorded in entry.outs.items():
                if path.startswith(f"{places.IMAGES}/"):
                    self._add(path, recorded, entry.deps)

    def _add(self, path: str, recorded: Recorded, deps: Mapping[str, Recorded]) -> None:
        folders = [dep for dep, content in deps.items() if content.nfiles is not None]
        self._folders.setdefault(path, folders[0] if folders else "")
        for folder in folders:
            self._manifests.setdefault(folder, (path, recorded))

    def of_folder(self, folder: str) -> Listing | None:
        """The frames that were in a folder when the stage that lists them last ran; None if no such list is found."""
        if folder not in self._manifests:
            return None
        manifest = earlier_manifest.find(self._snapshot, *self._manifests[folder])
        return of_frames(manifest) if manifest else None

    def folder_of(self, path: str) -> str:
        """The folder that an images manifest lists; empty if none is known."""
        return self._folders.get(path, "")


def stacks(root: Path, folder: str, recorded: Recorded) -> Listing | None:
    """The stacks that a stage made in a folder; None if their index is not there, or another one."""
    try:
        index = stack_index.read(root / folder)
    except MorphseqError:
        return None  # damaged itself, which the folder's md5 shows
    if index is None or index.folder_md5() != recorded.md5:
        return None
    return {entry.path: {"size": entry.size, "xxh3_128": entry.xxh3_128} for entry in index.files}


def of_frames(manifest: ImagesManifest) -> Listing:
    """The frames that a manifest lists."""
    return {frame.path: {"size": frame.size, "xxh3_128": frame.xxh3_128} for frame in manifest.frames}
