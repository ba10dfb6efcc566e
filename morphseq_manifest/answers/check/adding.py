"""Adding experiments to params.yaml, and giving one another id: only such as can be run."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from morphseq_manifest.answers.check.report import Report, check, look
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort import belongings, candidates, experiments_text, missing_inputs, params_edit, selection
from morphseq_manifest.cohort.input_findings import Kind
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.params_file import PARAMS


class Added(msgspec.Struct, frozen=True):
    """The experiments that were added and their segmenter, those that were listed already, and the dry run of all."""

    names: list[str]
    segmenter: str
    already: list[str]
    report: Report

    @property
    def refused(self) -> list[str]:
        """Those that can't be run, and so were not added."""
        return [name for name, inputs in self.report.experiments.items() if inputs.kind == Kind.FAULT]


def add(root: Path, names: Sequence[str], segmenter: str | None = None) -> Added:
    """List those of these experiments that can be run; each once, one that is listed already as it is.

    Raises as `check` and `candidates.usual_segmenter` do, BusyError if somebody else works on the project.
    """
    snapshot = CohortSnapshot(root)
    new = [name for name in dict.fromkeys(names) if name not in snapshot.experiments]
    already = [name for name in dict.fromkeys(names) if name in snapshot.experiments]
    if not new:
        return Added([], "", already, Report({}))
    kind = segmenter or candidates.usual_segmenter(snapshot)
    report = check(root, new, kind)
    fit = [name for name in new if report.experiments[name].kind != Kind.FAULT]
    if fit:
        with params_edit.editing(root) as (now, write):
            fit = [name for name in fit if name not in now.experiments]
            write(experiments_text.added(now.settings_text, dict.fromkeys(fit, kind), root / PARAMS))
    return Added(fit, kind, already, report)


def rename(root: Path, old: str, new: str) -> Report:
    """Give a listed experiment another id, if its frames and table lie under that already; says what was found there.

    Raises ConfigError saying what to move if they don't, if `old` is not listed, or `new` can't be an id or is one.
    """
    snapshot = CohortSnapshot(root)
    selection.named([old], snapshot.experiments)
    others = snapshot.experiments.keys() - {old}
    taken = "that is its id already" if new == old else "that is listed already" if new in others else None
    if why := taken or candidates.unfit_id(new, others):
        raise ConfigError(f"can't rename {old} to {new}: {why}")
    path = root / PARAMS
    text = experiments_text.renamed(snapshot.settings_text, old, new, path)
    seen = CohortSnapshot(root, texts={PARAMS: text.encode()})
    missing = [place for place in missing_inputs.of_experiment(seen.graph, new, root) if new in place]
    if missing:
        old_paths = [place.replace(new, old) for place in missing] + belongings.beside_inputs(snapshot, old)
        moves = "".join(f"\n  mv {path} {path.replace(old, new)}" for path in dict.fromkeys(old_paths))
        raise ConfigError(f"can't rename {old} to {new}: in {root.resolve()}, first move what is of it:{moves}")
    report = Report(look(seen, [new]))
    if report.experiments[new].kind != Kind.FAULT:
        with params_edit.editing(root) as (now, write):
            selection.named([old], now.experiments)  # somebody may have edited it meanwhile
            write(experiments_text.renamed(now.settings_text, old, new, path))
    return report
