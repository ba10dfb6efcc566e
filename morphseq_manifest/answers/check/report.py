"""The dry run of plates' inputs: what of them is not there, can't be used, or is to be looked into.

This runs the project's own code, which the commands that only look may not do: nobody but `check` and `add` does it. So
the checks are those of the stages themselves, and no second copy of them.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from morphseq_manifest.answers import programs
from morphseq_manifest.base.errors import ConfigError, ExitCode
from morphseq_manifest.cohort import candidates, missing_inputs
from morphseq_manifest.cohort.input_findings import Asked, Finding, Inputs
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.freshness.assess import assess

_DRY_RUN = "stages.files.dry_run"


class Report(msgspec.Struct, frozen=True):
    """What was found, by experiment."""

    experiments: dict[str, Inputs]

    @property
    def exit_code(self) -> ExitCode:
        """0 if all is fine, 1 if something is to be looked into, else what the gravest fault asks for."""
        found = [finding.status for inputs in self.experiments.values() for finding in inputs.findings]
        return ExitCode(max(found, default=ExitCode.OK))


def check(root: Path, names: Iterable[str] = (), segmenter: str | None = None, every_frame: bool = False) -> Report:
    """Look at the inputs of these experiments, listed or not, or of all that are listed.

    One that is not listed yet is looked at as if it were, with this `segmenter`, or that of all others. With
    `every_frame`, all frames are read, and what is recorded of them is compared with what they give. Raises
    ConfigError if the project has no experiments or its stages can't be run here, and as CohortSnapshot does.
    """
    snapshot = CohortSnapshot(root)
    if not snapshot.has_experiments:
        raise ConfigError(f"{root / PARAMS}: lists no experiments: there is nothing to check")
    chosen = list(dict.fromkeys(names)) or list(snapshot.experiments)
    others = {*chosen, *snapshot.experiments}
    refused = {name: why for name in chosen if (why := candidates.unfit_id(name, others))}
    usable = [name for name in chosen if name not in refused]
    new = [name for name in usable if name not in snapshot.experiments]
    found = look(candidates.listing(snapshot, new, segmenter) if new else snapshot, usable, every_frame)
    return Report({name: found.get(name) or Inputs([Finding(ExitCode.USAGE, refused[name])]) for name in chosen})


def look(snapshot: CohortSnapshot, names: Sequence[str], every_frame: bool = False) -> dict[str, Inputs]:
    """Look at the inputs of these experiments, which the snapshot lists, be they in params.yaml or not."""
    said = {name: snapshot.experiments[name] for name in names}
    asked = Asked(said, every_frame, _with_frames_listed(snapshot, names) if every_frame else [])
    told = "the inputs can't be looked at"
    found = programs.ask(snapshot.root, _DRY_RUN, asked, dict[str, Inputs], told) if names else {}
    for name in names:
        missing = [
            Finding(ExitCode.UNREADABLE, missing_inputs.told(snapshot.root, path, name, snapshot.experiments))
            for path in missing_inputs.of_experiment(snapshot.graph, name, snapshot.root)
        ]
        found[name] = Inputs([*missing, *found[name].findings], found[name].plate)
    return found


def _with_frames_listed(snapshot: CohortSnapshot, names: Iterable[str]) -> list[str]:
    """The experiments whose images manifest is up to date, as far as files and dvc.lock tell."""
    makers = snapshot.graph.makers
    listing = {name: makers[path] for name in names if (path := str(places.images(name))) in makers}
    verdicts = assess(snapshot, Workspace(snapshot.root), listing.values())
    return [name for name, stage in listing.items() if not verdicts[stage]]
