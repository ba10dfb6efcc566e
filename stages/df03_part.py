"""Stage `df03_part`: records which latents df03 takes of an experiment."""

import click

from morphseq_manifest.base.console import note
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.manifests import part_manifest
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, parts


@click.command("df03_part", cls=StageCommand)
@click.argument("experiment")
@click.option("--model", required=True, help="The model folder whose latents are taken.")
def main(experiment: str, model: str) -> None:
    """Record which latents of EXPERIMENT df03 takes in manifests/df03_parts."""
    params.read().experiment(experiment)
    contents = parts.contents({"latents": layout.latents_table(model, experiment)})
    part_manifest.write(part_manifest.of("df03", experiment, contents))
    note(f"{experiment}: which latents df03 takes of it is recorded")


if __name__ == "__main__":
    main()
