"""The stages that tables come from, from what stands in a few small files: so also where there is no project."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import adopted
from morphseq_manifest.cohort.manifests import adopted_manifest, cohort_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.cohort.tables import TABLES
from morphseq_manifest.tracker.dvc import lock_reading
from morphseq_manifest.tracker.dvc.lock_reading import LOCK, Lock
from morphseq_manifest.tracker.dvc.stages import parents

# A canonical manifest ends so.
_DIGEST, _DIGEST_BYTES = b'"digest":"', 32


class Run(NamedTuple):
    """The tables that are exported, and what is recorded of how they were made.

    `stages` are those that the tables come from, `cohorts` the manifests of all tables among them. `frames` have the
    digest of the images manifest of each experiment; `taken` the stages of each whose results were taken over.
    """

    tables: list[str]
    stages: Lock
    cohorts: dict[str, CohortManifest]
    frames: dict[str, str]
    taken: dict[str, list[str]]

    @property
    def experiments(self) -> list[str]:
        """All experiments in the tables."""
        return sorted({name for manifest in self.cohorts.values() for name in manifest.experiments})


def told(texts: Mapping[str, bytes], tables: Iterable[str], lock: Lock | None = None) -> Run:
    """What dvc.lock and the manifests among `texts` (content by path) say of some tables; `lock` if that was read.

    Raises ContentError for one that is damaged, or if there is no dvc.lock.
    """
    cohorts = {
        table: cohort_manifest.parse(texts[path], path)
        for table in TABLES
        if (path := str(places.cohort(table))) in texts
    }
    experiments = {name for manifest in cohorts.values() for name in manifest.experiments}
    try:
        lock = lock or lock_reading.parse(texts[str(LOCK)].decode(), str(LOCK))
    except (KeyError, UnicodeDecodeError) as error:
        raise ContentError(f"{LOCK}: not there, or not UTF-8") from error
    stages = before(lock, tables, experiments)
    taken = {name: stages_ for name in sorted(experiments) if (stages_ := _taken(texts, name, stages))}
    frames = {name: digest for name in sorted(experiments) if (digest := _digest(texts.get(str(places.images(name)))))}
    return Run(list(tables), stages, {table: cohorts[table] for table in cohorts if table in stages}, frames, taken)


def before(lock: Lock, tables: Iterable[str], experiments: Collection[str]) -> Lock:
    """The stages of `lock` that these tables come from, themselves too, but for those of other experiments."""
    made: dict[str, str] = {}
    inside: dict[str, list[str]] = {}  # who makes a path, or something in that folder
    for stage, entry in lock.items():
        key = stage.partition("@")[2]
        for path in entry.outs if not key or key in experiments else ():
            made[path] = stage
            for place in (path, *parents(path)):
                inside.setdefault(place, []).append(stage)
    found: set[str] = set()
    waiting = list(tables)
    while waiting:
        stage = waiting.pop()
        if stage in lock and stage not in found:
            found.add(stage)
            for path in lock[stage].deps:
                waiting += inside.get(path, ())
                waiting += (made[place] for place in parents(path) if place in made)
    return {stage: lock[stage] for stage in lock if stage in found}


def _taken(texts: Mapping[str, bytes], experiment: str, stages: Lock) -> list[str]:
    path = str(places.adopted(experiment))
    return adopted.still_taken(adopted_manifest.parse(texts[path], path), stages) if path in texts else []


def _digest(data: bytes | None) -> str | None:
    """The digest at the end of a canonical manifest."""
    start = -1 if data is None else data.rfind(_DIGEST)
    return None if data is None or start < 0 else data[start + len(_DIGEST) :][:_DIGEST_BYTES].decode(errors="replace")
