"""Whether what a run will write fits on the disks that it goes to: the project's, its outputs' and DVC's cache's."""

import heapq
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from morphseq_manifest.base.display import amount
from morphseq_manifest.tracker.dvc.cache import DvcCache
from morphseq_manifest.tracker.dvc.lock_reading import Lock
from morphseq_manifest.tracker.dvc.stages import Stage

# Outputs that are such links take no more room than what is in the cache.
_LINKS = {"hardlink", "symlink"}
# A disk with so many times the room of all that is recorded will not be full.
_AMPLE = 4


class Disk(msgspec.Struct, frozen=True):
    """A disk, by a folder on it: bytes that a run will need there, and that are free."""

    place: str
    needed: int
    free: int

    @property
    def warning(self) -> str | None:
        """What is foretold, if it will be full."""
        if self.needed <= self.free:
            return None
        return (
            f"{self.place}: its disk will be full: about {amount(self.needed)} more are needed, "
            f"{amount(self.free)} are free. Make room first, or run fewer stages"
        )


class Disks:
    """Adds up what stages of the project in `root` will write, `jobs` of them at a time, with its `cache`."""

    def __init__(self, root: Path, cache: DvcCache, jobs: int) -> None:
        self._root, self._cache, self._jobs = root.absolute(), str(cache.folder), jobs
        self._is_linked = cache.config.links[0] in _LINKS
        self._devices: dict[str, int] = {}
        self._places: dict[int, str] = {}
        self._growth: dict[int, int] = defaultdict(int)
        self._replaced: dict[int, list[int]] = defaultdict(list)
        for place in (str(self._root), self._cache):
            self._growth[self._device(place)] += 0

    def add(self, stage: Stage, sizes: Sequence[int], present: Callable[[str], int]) -> None:
        """Add outputs of these sizes (bytes); `present` gives the size of what is at a path now.

        What is there stays until the stage has ended, and then makes room.
        """
        for out, size in zip(stage.outs, sizes, strict=True):
            if out.cache:
                self._growth[self._device(self._cache)] += size
            if not (out.cache and self._is_linked):
                device, before = self._device(os.path.dirname(f"{self._root}/{out.path}")), present(out.path)  # noqa: PTH120
                self._growth[device] += max(size - before, 0)
                self._replaced[device].append(min(size, before))

    def total(self) -> list[Disk]:
        """Each disk, that of the project first."""
        return [
            Disk(self._places[device], growth + sum(heapq.nlargest(self._jobs, self._replaced[device])), free)
            for device, growth in self._growth.items()
            if (free := _free(self._places[device])) is not None
        ]

    def _device(self, folder: str) -> int:
        """The disk that a folder is on, or will be on."""
        if folder not in self._devices:
            try:
                self._devices[folder] = os.stat(folder).st_dev  # noqa: PTH116 - a path object takes longer
            except OSError:
                above = os.path.dirname(folder)  # noqa: PTH120
                self._devices[folder] = self._device(above) if above not in {folder, ""} else -1
            else:
                self._places.setdefault(self._devices[folder], folder)
        return self._devices[folder]


def is_ample(root: Path, cache: DvcCache, stages: Sequence[Stage], recorded: Lock) -> bool:
    """Whether there is room by far for what these stages make, if all of them run, going by what is recorded.

    A stage that is not recorded counts as the largest of its group; if none of that is, nobody knows.
    """
    sizes = {name: sum(out.size or 0 for out in entry.outs.values()) for name, entry in recorded.items()}
    largest: dict[str, int] = {}
    for stage in stages:
        if stage.name in sizes:
            largest[stage.group] = max(largest.get(stage.group, 0), sizes[stage.name])
    if any(stage.group not in largest for stage in stages):
        return False
    free = min((disk.free for disk in Disks(root, cache, 1).total()), default=0)
    return _AMPLE * sum(sizes.get(stage.name, largest[stage.group]) for stage in stages) < free


def _free(place: str) -> int | None:
    """The bytes that the user may still write on a disk, if the system tells."""
    try:
        status = os.statvfs(place)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize
