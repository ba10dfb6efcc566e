"""Stage `images`: lists an experiment's frames with their content hashes, and what does not fit its plate table."""

import click

from morphseq_manifest.base.console import note
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import ImagesManifest, Reading
from morphseq_manifest.tracker.freshness.stage_command import StageCommand
from stages.files import layout, plates
from stages.files.frame_checks import Settings, check_fit, check_sizes
from stages.files.frame_folder import find_frames, manifest_of, read_frames


def list_images(experiment: str, said: Experiment) -> ImagesManifest:
    """The images manifest of an experiment, from its folder of frames, its plate table, and what params.yaml says."""
    folder, table = layout.FRAMES / experiment, layout.plate_table(experiment)
    plate = plates.read_plate(table, experiment)
    names, others = find_frames(folder)
    listed = read_frames(folder, names, said)
    check_sizes([(one.frame, one.form) for one in listed], plates.frame_sizes(plate, table), folder, table)
    return manifest_of(experiment, plate, listed, others, said)


def words(reading: Reading) -> str:
    """How frames are read, for people; empty if as they are."""
    said = ["dark field, turned"] if reading.dark_field else []
    if reading.range:
        said.append("{:g} is black and {:g} white".format(*reading.range))
    return "".join(f"; {one}" for one in said)


@click.command("images", cls=StageCommand, context_settings={"ignore_unknown_options": True})
@click.argument("experiment")
@click.argument("said", nargs=-1, type=click.UNPROCESSED)
def main(experiment: str, said: tuple[str, ...]) -> None:
    """List EXPERIMENT's frames with their hashes in manifests/images.

    What params.yaml has SAID of the experiment is read from there; it is named so that DVC sees when it changes.
    """
    settings = params.read()
    manifest = list_images(experiment, settings.experiment(experiment))
    most = settings.block("images", Settings).most_unfit
    check_fit(manifest, most, layout.FRAMES / experiment, layout.plate_table(experiment))
    images_manifest.write(layout.images_manifest(experiment), manifest)
    counts = manifest.counts
    unfit = f"{len(manifest.problems)} that do not fit{words(manifest.reading)}"
    note(f"{experiment}: {counts.frames} frames in {counts.wells} wells, {unfit}")


if __name__ == "__main__":
    main()
