"""Stage `experiments`: checks the list of experiments before any cohort stage starts.

If an unquoted id stands among quoted ones, DVC fails with an obscure message; elsewhere it silently drops the id. And
it deletes a stage's outputs before the stage runs. So this comes first.
"""

import click
import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.manifests import canonical
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import cohort_tables, layout

SCHEMA = "morphseq/experiments/1"


class ExperimentsManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The experiments of params.yaml, with their segmenters."""

    schema: str
    experiments: dict[str, Experiment]
    digest: str


@click.command("experiments", cls=StageCommand)
def main() -> None:
    """Check the list of experiments in params.yaml, and write it to manifests."""
    settings = params.read()
    cohort_tables.listed(settings)
    manifest = canonical.seal(ExperimentsManifest(SCHEMA, settings.experiments, digest=""))
    files.write_bytes(layout.EXPERIMENTS, canonical.dump(manifest))
    note(f"{len(settings.experiments)} experiments are listed")


if __name__ == "__main__":
    main()
