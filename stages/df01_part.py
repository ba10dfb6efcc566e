"""Stage `df01_part`: records from which contents df01 takes an experiment's rows."""

import click

from morphseq_manifest.base.console import note
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.manifests import part_manifest
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, parts


@click.command("df01_part", cls=StageCommand)
@click.argument("experiment")
def main(experiment: str) -> None:
    """Record what df01 takes of EXPERIMENT in manifests/df01_parts."""
    params.read().experiment(experiment)
    contents = parts.contents(
        {
            "images": layout.images_manifest(experiment),
            "sam2": layout.sam2_table(experiment),
            "build03": layout.build03_table(experiment),
        }
    )
    part_manifest.write(part_manifest.of("df01", experiment, contents))
    note(f"{experiment}: what df01 takes of it is recorded")


if __name__ == "__main__":
    main()
