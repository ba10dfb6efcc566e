"""Stage `experiments`: checks the list of experiments before any cohort stage starts.

If an unquoted id stands among quoted ones, DVC fails with an obscure message; elsewhere it silently drops the id. And
it deletes a stage's outputs before the stage runs. So this comes before the cohort tables.
"""

from collections.abc import Collection

import click

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.cohort import experiments_manifest, params
from morphseq_manifest.cohort.manifests import part_manifest
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import cohort_tables, layout


def take_away(listed: Collection[str]) -> None:
    """Delete what the cohort tables took of experiments that are not listed: the tables depend on the whole folder."""
    for path in (path for table in part_manifest.SOURCES for path in part_manifest.unlisted(table, listed)):
        files.remove(path)
        note(f"{path}: taken away, since {path.stem} is not listed")


@click.command("experiments", cls=StageCommand)
def main() -> None:
    """Check the list of experiments in params.yaml, and write it to manifests."""
    settings = params.read()
    cohort_tables.listed(settings)
    take_away(settings.experiments)
    experiments_manifest.write(layout.EXPERIMENTS, settings.experiments)
    note(f"{len(settings.experiments)} experiments are listed")


if __name__ == "__main__":
    main()
