"""What to look into though nothing has failed: inputs that are not there, frames that don't fit their plate table,
experiments without a row.
"""

from collections.abc import Iterable
from contextlib import suppress

from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort import losses, missing_inputs
from morphseq_manifest.cohort.manifests import images_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.freshness.steps import Step

_SHOWN = 3


def of_project(snapshot: CohortSnapshot, experiments: Iterable[str], tables: Iterable[str]) -> list[str]:
    """What there is to say of these experiments and cohort tables, as far as their manifests can be read.

    One that is not there, or not whole, is passed over: that is told as the state of its stage.
    """
    manifests = {}
    for table in tables:
        with suppress(MorphseqError):
            if manifest := snapshot.cohort(table):
                manifests[table] = manifest
    return of_experiments(experiments, snapshot) + of_tables(manifests)


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
