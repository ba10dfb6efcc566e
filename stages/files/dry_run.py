"""The dry run of plates' inputs: what the stages would refuse or warn of, by a look at names, tables and some frames.

The library imports no stage, so `morphseq check` runs this as a program: `python -m stages.files.dry_run`. What is not
there at all is not told here: dvc.yaml says what is read, and the library sees by itself that it is not there.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import click
import msgspec
import pandas as pd

from morphseq_manifest.base.console import Command
from morphseq_manifest.base.errors import ExitCode, MorphseqError, described
from morphseq_manifest.cohort import losses, params
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.input_findings import Asked, Finding, Inputs
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Fit, Frame, ImagesManifest
from stages.files import frame_folder, layout, plates, well_metadata
from stages.files.frame_checks import Settings, check_fit, check_sizes
from stages.files.frame_folder import Listed

_Made = TypeVar("_Made")
_Names = dict[tuple[str, int], str]


class _Look:
    """A look at an experiment's inputs, and what it has found so far."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def attempt(self, step: Callable[[], _Made]) -> _Made | None:
        """What a step makes; None if it is refused, which is a finding."""
        try:
            return step()
        except MorphseqError as error:
            self.findings.append(Finding(int(error.exit_code), str(error)))
        except OSError as error:
            self.findings.append(Finding(ExitCode.UNREADABLE, f"{described(error)}. Restore its permissions"))
        return None


def look(experiment: str, asked: Asked, most_unfit: float) -> Inputs:
    """What is found of an experiment's inputs."""
    said = asked.experiments[experiment]
    found = _Look()
    folder, table, workbook = (
        layout.FRAMES / experiment,
        layout.plate_table(experiment),
        layout.workbook(experiment),
    )
    plate = found.attempt(lambda: plates.read_plate(table, experiment)) if table.exists() else None
    if workbook.exists():
        found.attempt(lambda: well_metadata.read(workbook, experiment))
    listing = found.attempt(lambda: frame_folder.find_frames(folder)) if folder.exists() else None
    listed = None
    if listing is not None:
        some = listing[0] if asked.every_frame else _first_of_each_well(listing[0])
        listed = _look_at_frames(found, experiment, some, plate, said)
    if plate is not None and listing is not None:
        _look_at_fit(found, experiment, listing, plate, most_unfit)
    if plate is not None and listing is not None and listed is not None and experiment in asked.listed:
        made = partial(frame_folder.manifest_of, experiment, plate, listed, listing[1], said)
        _look_at_recorded(found, experiment, made)
    if plate is not None and plates.summary(plate, table).um_per_px is None:
        told = (
            f"{table}: no row gives a scale: areas, lengths and stages would be unknown. Fill in the sizes in um and px"
        )
        found.findings.append(Finding(ExitCode.STALE, told))
    return Inputs(found.findings, _in_words(experiment, listing, plate))


def _first_of_each_well(names: _Names) -> _Names:
    first = {well: (well, time_int) for well, time_int in sorted(names, reverse=True)}
    return {key: names[key] for key in sorted(first.values())}


def _look_at_frames(
    found: _Look, experiment: str, names: _Names, plate: pd.DataFrame | None, said: Experiment
) -> list[Listed] | None:
    """Read these frames: whether they can be used, and are as large as the table says; None if they can't."""
    folder, table = layout.FRAMES / experiment, layout.plate_table(experiment)
    listed = found.attempt(lambda: frame_folder.read_frames(folder, names, said))
    if listed is None:
        return None
    found.attempt(lambda: frame_folder.reading_of(listed, said, folder))
    if plate is not None:
        pairs = [(one.frame, one.form) for one in listed]
        found.attempt(lambda: check_sizes(pairs, plates.frame_sizes(plate, table), folder, table))
    return listed


def _look_at_recorded(found: _Look, experiment: str, make: Callable[[], ImagesManifest]) -> None:
    """Compare what is recorded of frames and plate with what the stage makes of them now."""
    path = layout.images_manifest(experiment)
    made, recorded = found.attempt(make), found.attempt(lambda: images_manifest.read(path))
    if made is None or recorded is None or recorded == made:
        return
    names = [name for name in ImagesManifest.__struct_fields__ if getattr(made, name) != getattr(recorded, name)]
    what = ", ".join(f"`{name}`" for name in names if name != "digest")
    unlike = _unlike(recorded.reading, made.reading) + _unlike(recorded.plate, made.plate)
    told = (
        f"{path}: {what}: not what frames and plate table give{unlike}. "
        f"`dvc repro --force images@{experiment}` writes it anew"
    )
    found.findings.append(Finding(ExitCode.CONTENT, told))


def _unlike(recorded: msgspec.Struct, made: msgspec.Struct) -> str:
    """What of a plate, or of its reading, is recorded otherwise than it is."""
    pairs = [(name, getattr(recorded, name), getattr(made, name)) for name in made.__struct_fields__]
    return "".join(f"; `{name}` is {old}, expected {new}" for name, old, new in pairs if old != new)


def _look_at_fit(
    found: _Look, experiment: str, listing: tuple[_Names, list[str]], plate: pd.DataFrame, most_unfit: float
) -> None:
    """Compare the names of the frames with the rows of the table."""
    names, others = listing
    frames = [Frame(well, time_int, name, 0, "") for (well, time_int), name in names.items()]
    rows = list(zip(plate["well"], plate["time_int"], strict=True))
    fit = Fit(sorted(frame_folder.compare(frames, rows, others)), images_manifest.count(frames, len(rows)))
    folder, table = layout.FRAMES / experiment, layout.plate_table(experiment)
    before = len(found.findings)
    found.attempt(lambda: check_fit(fit, most_unfit, folder, table))
    told = losses.unfit(experiment, fit)
    if told and len(found.findings) == before:
        found.findings.append(Finding(ExitCode.STALE, told.removeprefix(f"{experiment}: ")))


def _in_words(experiment: str, listing: tuple[_Names, list[str]] | None, plate: pd.DataFrame | None) -> str:
    """What there is of a plate."""
    parts = []
    if listing is not None:
        parts.append(f"{len(listing[0])} frames in {len({well for well, _ in listing[0]})} wells")
    if plate is not None:
        scale = plates.summary(plate, layout.plate_table(experiment)).um_per_px
        parts += [f"{len(plate)} rows", *([f"{scale:.4g} um per px"] if scale is not None else [])]
    return ", ".join(parts)


@click.command("dry_run", cls=Command)
def main() -> None:
    """Look at the inputs of experiments, given as JSON on stdin, and print what is found of each as JSON.

    What is asked is Asked, what is found Inputs, by id.
    """
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    most_unfit = params.read().block("images", Settings).most_unfit
    found = {name: look(name, asked, most_unfit) for name in asked.experiments}
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
