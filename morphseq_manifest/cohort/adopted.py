"""Which stages' results were taken over from the lab, and have not been made again since."""

from collections.abc import Iterable

from morphseq_manifest.cohort.manifests import adopted_manifest, places
from morphseq_manifest.cohort.manifests.adopted_manifest import AdoptedManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.lock_reading import Lock


def of(snapshot: CohortSnapshot, experiments: Iterable[str]) -> dict[str, list[str]]:
    """By experiment, the stages whose results in dvc.lock are those taken over. Raises ContentError if damaged."""
    there = snapshot.names_in(places.ADOPTED)  # nothing was taken over in most projects, nor of most experiments
    found = {name: _of_experiment(snapshot, name) for name in experiments if places.adopted(name).name in there}
    return {name: stages for name, stages in found.items() if stages}


def _of_experiment(snapshot: CohortSnapshot, experiment: str) -> list[str]:
    path = places.adopted(experiment)
    data = snapshot.content(path)
    if data is None:
        return []
    return still_taken(adopted_manifest.parse(data, snapshot.name(path)), snapshot.lock)


def still_taken(manifest: AdoptedManifest, lock: Lock) -> list[str]:
    """The stages whose results in a lock are those that a manifest says were taken over."""

    def is_taken(stage: str) -> bool:
        entry = lock.get(f"{stage}@{manifest.experiment}")
        return entry is not None and {path: out.md5 for path, out in entry.outs.items()} == manifest.stages[stage].outs

    return [stage for stage in adopted_manifest.UNKNOWN if stage in manifest.stages and is_taken(stage)]
