"""A project with experiments at one moment: besides its settings, lock and stages, its typed params and manifests."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from morphseq_manifest.cohort.manifests import cohort_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.snapshot import Snapshot

if TYPE_CHECKING:
    from morphseq_manifest.cohort.experiments import Experiment
    from morphseq_manifest.cohort.manifests.images_manifest import ImagesManifest
    from morphseq_manifest.cohort.params import Params


class CohortSnapshot(Snapshot):
    """What is recorded of experiments and tables, in the working tree or at a commit, as Snapshot has it."""

    @cached_property
    def params(self) -> "Params":
        """The settings, typed, with the experiments. Raises as Params and `settings` do."""
        from morphseq_manifest.cohort.params import Params

        return Params(Path(self.name(PARAMS)), self.settings, self.settings_text)

    @cached_property
    def has_experiments(self) -> bool:
        """Whether the project is one of experiments; a mapping of that name may be of other things elsewhere."""
        listed = self.settings.get("experiments")
        entries = listed.values() if isinstance(listed, Mapping) else ()
        named = any(isinstance(entry, Mapping) and "segmenter" in entry for entry in entries)
        return named or {"experiments", "versions"} <= self.settings.keys()

    @cached_property
    def experiments(self) -> "dict[str, Experiment]":
        """The experiments listed, in id order; none in a project of other things. Raises as `params` does."""
        return self.params.experiments if self.has_experiments else {}

    def cohort(self, table: str) -> CohortManifest | None:
        """The manifest of df01, df02 or df03; None if the table was never built. Raises for a damaged one."""
        path = places.cohort(table)
        data = self.content(path)
        return None if data is None else cohort_manifest.parse(data, self.name(path))

    def images(self, experiment: str) -> "ImagesManifest | None":
        """The manifest of an experiment's frames; None if there is none. Raises for a damaged one."""
        from morphseq_manifest.cohort.manifests import images_manifest

        path = places.images(experiment)
        data = self.content(path)
        return None if data is None else images_manifest.parse(data, self.name(path))
