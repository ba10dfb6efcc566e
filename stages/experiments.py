"""Stage `experiments`: checks the list of experiments before any cohort stage starts.

If an unquoted id stands among quoted ones, DVC fails with an obscure message; elsewhere it silently drops the id. And
it deletes a stage's outputs before the stage runs. So this comes first.
"""

import click

from morphseq_manifest.base.console import note
from morphseq_manifest.cohort import experiments_manifest, params
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import cohort_tables, layout


@click.command("experiments", cls=StageCommand)
def main() -> None:
    """Check the list of experiments in params.yaml, and write it to manifests."""
    settings = params.read()
    cohort_tables.listed(settings)
    experiments_manifest.write(layout.EXPERIMENTS, settings.experiments)
    note(f"{len(settings.experiments)} experiments are listed")


if __name__ == "__main__":
    main()
