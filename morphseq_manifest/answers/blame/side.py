"""What is recorded of one experiment at a moment: its stages, the tables that have it, what was taken over."""

from collections.abc import Iterator
from functools import cached_property

from morphseq_manifest.answers.blame.inputs import Inputs
from morphseq_manifest.answers.blame.moment import Moment
from morphseq_manifest.answers.blame.readings import hash_of
from morphseq_manifest.cohort import adopted
from morphseq_manifest.cohort.manifests import adopted_manifest, places
from morphseq_manifest.tracker.dvc.stages import is_outside

TABLES = ("df01", "df02", "df03")


class Side:
    """One of the moments that are compared, or the one that is asked about."""

    def __init__(self, moment: Moment, experiment: str) -> None:
        self.moment, self._experiment = moment, experiment
        self._entries = moment.stages_of(experiment)
        self.inputs = Inputs(experiment, self._entries, list(self.tables))

    @cached_property
    def tables(self) -> dict[str, str]:
        """The hash of the experiment's rows in each table that has it. Raises ContentError for a damaged manifest."""
        found = {table: self.moment.cohort(table) for table in TABLES if table in self._entries}
        parts = {table: manifest.experiments.get(self._experiment) for table, manifest in found.items() if manifest}
        return {table: part.contributed for table, part in parts.items() if part}

    @cached_property
    def adopted(self) -> dict[str, str]:
        """A hash of the results that were taken over, by stage. Raises ContentError for a damaged manifest."""
        path = places.adopted(self._experiment)
        data = self.moment.content(path)
        if data is None:
            return {}
        manifest = adopted_manifest.parse(data, self.moment.name(path))
        return {stage: hash_of(manifest.stages[stage].outs) for stage in adopted.still_taken(manifest, self._entries)}

    def paths(self) -> Iterator[str]:
        """The files in git in which something may stand that a row depends on, but for the settings.

        What lies outside of the project is in no history of its own.
        """
        yield self.inputs.adopted
        if self.inputs.images:
            yield self.inputs.images[0]
        for _, path, _ in self.inputs.files():
            if not is_outside(path):
                yield path
                yield f"{path}.dvc"
