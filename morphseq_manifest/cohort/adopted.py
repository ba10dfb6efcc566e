"""Which stages' results were taken over from the lab, and have not been made again since."""

from collections.abc import Iterable, Iterator

from morphseq_manifest.cohort.manifests import adopted_manifest, places
from morphseq_manifest.cohort.snapshot import CohortSnapshot


def of(snapshot: CohortSnapshot, experiments: Iterable[str]) -> dict[str, list[str]]:
    """By experiment, the stages whose results in dvc.lock are those taken over. Raises ContentError if damaged."""
    there = snapshot.names_in(places.ADOPTED)  # nothing was taken over in most projects, nor of most experiments
    found = {name: list(_of_experiment(snapshot, name)) for name in experiments if places.adopted(name).name in there}
    return {name: stages for name, stages in found.items() if stages}


def _of_experiment(snapshot: CohortSnapshot, experiment: str) -> Iterator[str]:
    path = places.adopted(experiment)
    data = snapshot.content(path)
    if data is None:
        return
    known = adopted_manifest.parse(data, snapshot.name(path)).stages
    for stage in sorted(known, key=list(adopted_manifest.UNKNOWN).index):
        entry, taken = snapshot.lock.get(f"{stage}@{experiment}"), known[stage]
        if entry and {path: out.md5 for path, out in entry.outs.items()} == taken.outs:
            yield stage
