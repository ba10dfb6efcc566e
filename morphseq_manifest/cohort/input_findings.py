"""What a dry run finds of an experiment's inputs; stages say it as JSON, and commands read it."""

import msgspec

from morphseq_manifest.base.errors import ExitCode
from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.cohort.experiments import Experiment


class Kind(Outcome):
    """How grave a finding is."""

    FINE = "fine", "the inputs can be used", "green"
    WARNING = "warning", "the stages will run; look into it", "yellow"
    FAULT = "fault", "a stage will refuse it", "red"


class Asked(msgspec.Struct, frozen=True):
    """What to look at: by id, what params.yaml says of experiments, or would say.

    With `every_frame`, all frames are read; the images manifests of those that are `listed` are to follow from them.
    """

    experiments: dict[str, Experiment]
    every_frame: bool = False
    listed: list[str] = []


class Finding(msgspec.Struct, frozen=True):
    """Something to know of an experiment's inputs, and the exit status that it asks for: 1 for a warning."""

    status: int
    text: str

    @property
    def kind(self) -> Kind:
        """How grave it is."""
        return Kind.WARNING if self.status == ExitCode.STALE else Kind.FAULT


class Inputs(msgspec.Struct, frozen=True):
    """The inputs of an experiment: what there is, in words, and what was found."""

    findings: list[Finding]
    plate: str = ""

    @property
    def kind(self) -> Kind:
        """The gravest of what was found."""
        kinds = {finding.kind for finding in self.findings}
        return next((kind for kind in (Kind.FAULT, Kind.WARNING) if kind in kinds), Kind.FINE)
