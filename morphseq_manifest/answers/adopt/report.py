"""What a data root of the lab holds, by experiment and step. Like `check`, this runs the project's own code."""

from collections.abc import Iterable
from pathlib import Path

from morphseq_manifest.answers import programs
from morphseq_manifest.base.errors import ConfigError, ExitCode
from morphseq_manifest.cohort.ids import EXPERIMENT_FORM, is_experiment
from morphseq_manifest.cohort.lab_root import Asked, LabRoot, Standing
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.params_file import PARAMS

DATA = "data"
_LOOK = "stages.lab.look"
_STATUS = {
    Standing.HALF: ExitCode.STALE,
    Standing.CONTRADICTORY: ExitCode.CONTENT,
    Standing.UNREADABLE: ExitCode.UNREADABLE,
}


def look(root: Path, source: Path | None = None, names: Iterable[str] = ()) -> LabRoot:
    """Look through the data root `source`, or that of the project in `root`, for these experiments, or for all.

    Raises ConfigError for a name that can't be an id, if the project is of other things, or its stages can't be run.
    """
    if not CohortSnapshot(root).has_experiments:
        raise ConfigError(f"{root / PARAMS}: lists no experiments: there is nothing that could be taken over")
    wanted = [name for text in names for name in text.split(",") if name]
    if odd := next((name for name in wanted if not is_experiment(name)), None):
        raise ConfigError(f"{odd!r} can't be an id: an id has {EXPERIMENT_FORM}")
    place = root / DATA if source is None else source
    found = programs.ask(root, _LOOK, Asked(str(place.resolve()), wanted), LabRoot, f"{place} can't be looked through")
    for name in wanted:
        if all(one.standing == Standing.MISSING for one in found.experiments[name].values()):
            raise ConfigError(f"{place}: nothing is there of experiment {name!r}. Correct the id, or leave it out")
    return found


def exit_code(found: LabRoot) -> ExitCode:
    """0 if what is there is whole, 1 if some is half done, 3 if contradictory, 4 if something can't be read."""
    steps = [one for by_step in found.experiments.values() for one in by_step.values()] + list(found.tables.values())
    odd = ExitCode.STALE if found.odd else ExitCode.OK
    return ExitCode(max([odd, *(_STATUS.get(one.standing, ExitCode.OK) for one in steps)]))
