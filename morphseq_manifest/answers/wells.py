"""Down to the well: of a stage that makes stacks, which wells are done, which its next run keeps, which it makes.

By what is recorded and the names and sizes of files alone: that a kept stack is whole, and made from just the same,
only the run makes sure of.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from morphseq_manifest.base import files, journal, sources
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort import earlier_manifest
from morphseq_manifest.cohort.manifests import places, stack_index
from morphseq_manifest.cohort.manifests.images_manifest import Frame, ImagesManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.freshness.steps import State, Step

# A stack is named after its well, or after an embryo in it.
_WELL = re.compile(r"(?:^|_)([A-H]\d\d)(?=_e\d+\.|\.)")


class Wells(msgspec.Struct, frozen=True):
    """The wells of an experiment at one stage: how many are done or will be kept, and which are to be made."""

    done: int
    kept: int
    to_do: list[str]

    @property
    def total(self) -> int:
        """How many wells have frames."""
        return self.done + self.kept + len(self.to_do)

    def __str__(self) -> str:
        if not self.to_do:
            return f"{self.total} wells: {'all kept' if self.kept else 'done'}"
        more = ", ..." if len(self.to_do) > _SHOWN else ""
        return f"{self.kept} of {self.total} wells kept, to do: {', '.join(self.to_do[:_SHOWN])}{more}"


_SHOWN = 5
# What is a file, and no folder of stacks, by its ending; an experiment's id may have a dot in it.
_FILES = {".csv", ".json"}


class _Group(msgspec.Struct):
    """A line of the journal of a stage at work: a well of which all stacks are made."""

    name: str


def of_steps(snapshot: CohortSnapshot, steps: Iterable[Step]) -> dict[str, Wells]:
    """The wells of each stage that makes stacks, by the stage's name.

    Left out: a stage that waits for one before it, of which nobody knows yet what it is to do, and one of an
    experiment whose frames are not listed.
    """
    found = {step.stage: _of_step(snapshot, step) for step in steps}
    return {name: wells for name, wells in found.items() if wells is not None}


def _of_step(snapshot: CohortSnapshot, step: Step) -> Wells | None:
    stage = snapshot.graph.stages[step.stage]
    folders = stacked(snapshot, step.stage)
    if stage.key is None or not folders or step.state in {State.BEHIND, State.UNREADABLE}:
        return None
    try:
        manifest = snapshot.images(stage.key)
    except MorphseqError:
        return None  # said of the stage that lists the frames
    if manifest is None:
        return None
    wells = manifest.by_well()
    if step.is_up_to_date:
        return Wells(len(wells), 0, [])
    same = _unchanged(snapshot, step, manifest)
    for folder in folders:
        same = same - _lost(snapshot.root / folder)
    begun = set.intersection(*(_begun(snapshot.root / folder) for folder in folders))
    to_do = [well for well in wells if well not in same | begun]
    return Wells(0, len(wells) - len(to_do), to_do)


def stacked(snapshot: CohortSnapshot, name: str) -> list[str]:
    """The folders that a stage makes from listed frames."""
    stage = snapshot.graph.stages[name]
    if str(places.images(stage.key or "")) not in stage.deps:
        return []
    return [out.path for out in stage.outs if Path(out.path).suffix not in _FILES]


def _unchanged(snapshot: CohortSnapshot, step: Step, now: ImagesManifest) -> set[str]:
    """The wells whose frames are those of the last run, if nothing else is another than it was then."""
    entry, listing = snapshot.entries.get(step.stage), str(places.images(now.experiment))
    verdict = step.verdict
    if entry is None or verdict.settings or verdict.command or verdict.deps.keys() - {listing}:
        return set()
    before = earlier_manifest.find(snapshot, listing, entry.deps[listing]) if listing in entry.deps else None
    if before is None:
        return set()
    old, new = before.by_well(), now.by_well()
    return {well for well in new if _contents(old.get(well, ())) == _contents(new[well])}


def _contents(frames: Iterable[Frame]) -> list[tuple[int, str]]:
    return [(frame.time_int, frame.xxh3_128) for frame in frames]


def _lost(folder: Path) -> set[str]:
    """The wells of which a stack that the folder's index has is not there as it was; all, if there is no index."""
    try:
        index = stack_index.read(folder)
    except MorphseqError:
        index = None
    if index is None:
        return set(_ALL)
    return {well_of(entry.path) for entry in index.files if _size(folder / entry.path) != entry.size}


_ALL = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]


def _size(path: Path) -> int | None:
    sources.add(path)
    try:
        return path.stat().st_size
    except OSError:
        return None


def well_of(name: str) -> str:
    """The well that a stack is of, by its name; empty for what is no stack."""
    found = _WELL.findall(name)
    return found[-1] if found else ""


def _begun(folder: Path) -> set[str]:
    """The wells that a run which did not end has made; they wait beside the folder."""
    place = Path(os.path.realpath(folder))
    place = place.parent / f"{files.TEMPORARY}{place.name}.journal"
    return {group.name for group in journal.peek(place, _Group)}
