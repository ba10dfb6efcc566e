"""What to look into though nothing has failed: inputs that are not there, frames that don't fit their plate table,
experiments without a row.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from morphseq_manifest.base import memo
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort import losses, missing_inputs
from morphseq_manifest.cohort.manifests import images_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.content import ABSENT, Content
from morphseq_manifest.tracker.freshness.steps import Step

_SHOWN = 3


def of_project(
    snapshot: CohortSnapshot,
    experiments: Iterable[str],
    tables: Iterable[str],
    contents: Mapping[str, Content] | None = None,
) -> list[str]:
    """What there is to say of these experiments and cohort tables, as far as their manifests can be read.

    One that is not there, or not whole, is passed over: that is told as the state of its stage. With `contents`, what
    is at each path, images manifests are read only if one of them has changed.
    """
    manifests = {}
    for table in tables:
        with suppress(MorphseqError):
            if manifest := snapshot.cohort(table):
                manifests[table] = manifest
    return _of_experiments(list(experiments), snapshot, contents or {}) + of_tables(manifests)


def _of_experiments(experiments: list[str], snapshot: CohortSnapshot, contents: Mapping[str, Content]) -> list[str]:
    """The same as of_experiments; of many, what is known of the very same manifests."""
    seen = [contents.get(str(places.images(experiment)), ABSENT).md5 for experiment in experiments]
    if None in seen:
        return of_experiments(experiments, snapshot)
    made_of = ["\0".join(experiments).encode(), "".join(map(str, seen)).encode()]
    return memo.recall(snapshot.root, "unfit", made_of, list[str], lambda: of_experiments(experiments, snapshot))


def of_inputs(snapshot: CohortSnapshot, steps: Iterable[Step]) -> list[str]:
    """The inputs of these steps that are not there and never were: a typo in an id or a model's name, most likely."""
    found = []
    for path, keys in missing_inputs.of_steps(snapshot, steps).items():
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        told = missing_inputs.told(snapshot.root, path, keys[0], snapshot.experiments)
        found.append(f"{', '.join(keys[:_SHOWN])}{more}: {told}")
    return found


def of_experiments(experiments: Iterable[str], snapshot: CohortSnapshot) -> list[str]:
    """For each of these experiments of which something does not fit, what, from its images manifest."""
    found = []
    for experiment in experiments:
        with suppress(MorphseqError):
            if told := losses.unfit(experiment, images_manifest.read_fit(snapshot.root / places.images(experiment))):
                found.append(told)
    return found


def of_tables(manifests: dict[str, CohortManifest]) -> list[str]:
    """The experiments of which tables, given by name with their manifests, have no row, and why; each reason once."""
    tables: dict[str, list[str]] = {}
    for table, manifest in manifests.items():
        for experiment, part in manifest.experiments.items():
            if not part.rows:
                tables.setdefault(losses.no_row(experiment, part), []).append(table)
    return [f"{', '.join(named)}: {told}" for told, named in tables.items()]
