"""What dvc.lock has of every path: the content recorded, by which stage, and whether the stages agree."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from morphseq_manifest.base.errors import MorphseqError, UnreadableError
from morphseq_manifest.cohort import selection
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc import lock_reading
from morphseq_manifest.tracker.dvc.cache import DvcCache
from morphseq_manifest.tracker.dvc.lock_reading import Lock
from morphseq_manifest.tracker.dvc.recorded import Recorded
from morphseq_manifest.tracker.dvc.stages import parents


class Record(msgspec.Struct):
    """One path: the stage that makes it (None for an input), what is recorded as its content, and by which stages.

    `content` is what its maker recorded, or else the first stage that reads it.
    """

    path: str
    maker: str | None
    content: Recorded
    stages: dict[str, list[str]]

    @property
    def is_folder(self) -> bool:
        """Whether a folder was recorded."""
        return self.content.md5.endswith(".dir")

    @property
    def others(self) -> tuple[str, ...]:
        """Further contents that will do: where stages read different contents of an input, each was true once."""
        return () if self.maker else tuple(md5 for md5 in self.stages if md5 != self.content.md5)


class Scope(msgspec.Struct):
    """What is looked at: `chosen`, of all records that are `current`; `former` are of experiments no longer listed.

    `left_out` are those experiments; `undated` those whose ids have no date, if a day was asked for; `waiting` the
    listed ones that have no record yet. `cache` is DVC's.
    """

    lock: Lock
    cache: DvcCache
    chosen: list[Record]
    current: dict[str, Record]
    former: dict[str, Record]
    left_out: list[str]
    undated: list[str]
    waiting: list[str]

    def record(self, path: str) -> Record:
        """The record of a path, or of the folder that it is in."""
        while path not in self.current:
            path = path.rpartition("/")[0]
        return self.current[path]


def read_scope(root: Path, experiments: Sequence[str] = (), later_than: str | None = None) -> Scope:
    """Read what is recorded in a project, for some experiments or, if none are chosen, for all and for the cohort.

    Experiments are chosen as by selection.select. Raises as that and CohortSnapshot do; UnreadableError if nothing is
    recorded; ConfigError for DVC's settings that can't be used.
    """
    snapshot = CohortSnapshot(root)
    listed, found = snapshot.experiments, _entries(snapshot)
    chosen, undated = selection.select(listed, experiments, later_than)
    is_whole = not experiments and later_than is None
    known = {"", *listed}
    if any(_of(name) not in known for name in found):  # no longer listed, or of a group that goes over other things
        known |= {stage.key for stage in snapshot.graph.stages.values() if stage.key is not None}
    stages = [name for name in found if _of(name) in known]
    wanted = [name for name in stages if is_whole or _of(name) in chosen]
    if not wanted:
        whose = "" if is_whole else f" for {', '.join(chosen) or 'such experiments'}"
        raise UnreadableError(
            f"{root / lock_reading.LOCK}: nothing is recorded{whose}. Run the pipeline first: `dvc repro`"
        )
    current = _records({name: found[name] for name in stages})
    paths = {path for name in wanted for part in (found[name].deps, found[name].outs) for path in part}
    covering = {next(place for place in (path, *parents(path)) if place in current) for path in paths}
    recorded = {_of(name) for name in found}
    return Scope(
        lock=found,
        cache=DvcCache(root),
        chosen=[current[path] for path in sorted(covering)],
        current=current,
        former={path: record for path, record in _records(found).items() if path not in current},
        left_out=sorted(recorded - known),
        undated=undated,
        waiting=[name for name in chosen if name not in recorded],
    )


def _entries(snapshot: CohortSnapshot) -> Lock:
    """The lock by paths from the project's folder; as it is written where dvc.yaml, which names folders, is no use."""
    try:
        return snapshot.entries
    except MorphseqError:
        return snapshot.lock


def _of(stage: str) -> str:
    """The experiment of a stage such as `images@20240418`; empty for the cohort's."""
    return stage.partition("@")[2]


def _records(stages: Lock) -> dict[str, Record]:
    """What these stages recorded, by path; what a stage made comes before what others read.

    What others read inside a folder that a stage made has no record of its own: it is part of the folder's.
    """
    records: dict[str, Record] = {}
    for name, entry in stages.items():
        for path, content in entry.outs.items():
            records[path] = Record(path, name, content, {content.md5: [name]})
    made = set(records)
    for name, entry in stages.items():
        for path, content in entry.deps.items():
            if path not in made and not made.isdisjoint(parents(path)):
                continue
            record = records.setdefault(path, Record(path, None, content, {}))
            record.stages.setdefault(content.md5, []).append(name)
    return records
