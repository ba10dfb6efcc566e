"""Taking over what is whole in a data root of the lab: brought to its place, listed, and recorded as adopted."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from morphseq_manifest.answers.adopt import linking
from morphseq_manifest.answers.adopt.report import DATA
from morphseq_manifest.answers.check import adding
from morphseq_manifest.base.errors import ExitCode, MorphseqError, described
from morphseq_manifest.base.progress import watching
from morphseq_manifest.cohort import candidates, missing_inputs
from morphseq_manifest.cohort.lab_root import STEPS, Found, LabRoot, Standing
from morphseq_manifest.cohort.manifests import adopted_manifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.graph import Graph
from morphseq_manifest.tracker.dvc.lock_entries import Entry
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.run import taking_over, view
from morphseq_manifest.tracker.run.options import Options
from morphseq_manifest.tracker.run.running import run

_FRAMES, *_TAKEN = STEPS


class Adopted(msgspec.Struct, frozen=True):
    """What became of it: stages that were recorded, those that were recorded before, and why others were not.

    `left` is by stage, or by experiment if nothing of it could be taken over. `listed` are experiments that are new in
    params.yaml.
    """

    stages: list[str] = []
    already: list[str] = []
    left: dict[str, str] = {}
    listed: list[str] = []

    @property
    def exit_code(self) -> ExitCode:
        """0 if all that is there was taken over, now or before, else 1."""
        return ExitCode.STALE if self.left else ExitCode.OK


def adopt(root: Path, source: Path, found: LabRoot, segmenter: str | None = None) -> Adopted:
    """Take over what `found` says is whole in the data root `source`; see Adopted.

    Frames and tables come first, and are listed by their stage, which reads them; all else is recorded as it is. Raises
    as `candidates.usual_segmenter` does, BusyError if somebody else works on the project.
    """
    result = Adopted()
    whole = [name for name, steps in found.experiments.items() if steps[_FRAMES].standing == Standing.WHOLE]
    result.left.update(
        {name: f"{_FRAMES}: {found.experiments[name][_FRAMES].text}" for name in found.experiments if name not in whole}
    )
    _list(root, source, whole, segmenter, result)
    snapshot = CohortSnapshot(root)
    graph = snapshot.graph
    chosen = [name for name in whole if name in snapshot.experiments]
    wanted: list[str] = []
    for name in chosen:
        wanted += _fit(root, source, name, found, snapshot, result)
    shared = [name for name in graph.upstream(wanted) if graph.stages[name].key is None]
    earlier = [*(f"{_FRAMES}@{name}" for name in chosen), *sorted(shared)]
    if earlier:
        report = run(root, Options(targets=earlier), view.watching)
        lost = graph.downstream(report.late) & set(wanted)
        notes = failure_notes.read(root)
        result.left.update({name: notes.get(name) or report.results[name].why for name in report.late})
        for name in sorted(lost):
            before = sorted(graph.upstream([name]) & set(report.late))
            result.left[name] = f"depends on {', '.join(before)}, which failed"
        _record(root, [name for name in wanted if name not in lost], result)
    return result


def _list(root: Path, source: Path, names: list[str], segmenter: str | None, result: Adopted) -> None:
    """Bring frames and plate tables to their places, and list those experiments that are not listed."""
    snapshot = CohortSnapshot(root)
    new = [name for name in names if name not in snapshot.experiments]
    if not new:
        return
    seen = candidates.listing(snapshot, [name for name in new if not candidates.unfit_id(name, names)], segmenter)
    fit = []
    for name in new:
        try:
            if why := candidates.unfit_id(name, {*names, *snapshot.experiments}):
                raise MorphseqError(why)
            for path in missing_inputs.inputs(seen.graph, name):
                if name in path:
                    linking.bring(_in(source, path), root / path, is_input=True)
            fit.append(name)
        except (MorphseqError, OSError) as error:
            result.left[name] = str(error) if isinstance(error, MorphseqError) else described(error)
    added = adding.add(root, fit, segmenter)
    result.listed.extend(added.names)
    for name in added.refused:
        findings = added.report.experiments[name].findings
        result.left[name] = "; ".join(finding.text for finding in findings)


def _fit(
    root: Path, source: Path, name: str, found: LabRoot, snapshot: CohortSnapshot, result: Adopted
) -> Iterator[str]:
    """The stages of an experiment whose results are whole, have all that they were made from, and are in place now."""
    graph, taken = snapshot.graph, {f"{_FRAMES}@{name}", *snapshot.entries}
    for step in _TAKEN:
        stage = graph.stages.get(f"{step}@{name}")
        if stage is None or found.experiments[name][step].standing == Standing.MISSING:
            continue
        if stage.name in snapshot.entries:
            result.already.append(stage.name)
            continue
        try:
            if why := _spoilt(found.experiments[name], step) or _lacking(root, stage, graph, taken):
                raise MorphseqError(why)
            for out in stage.outs:
                linking.bring(_in(source, out.path), root / out.path)
        except (MorphseqError, OSError) as error:
            result.left[stage.name] = str(error) if isinstance(error, MorphseqError) else described(error)
            continue
        taken.add(stage.name)
        yield stage.name


def _spoilt(steps: dict[str, Found], step: str) -> str | None:
    """Why a step's results are not to be taken over as they are; None if they can be."""
    if steps[step].standing != Standing.WHOLE:
        return steps[step].text
    if step == "snips" and steps["latents"].standing != Standing.WHOLE:
        return "nobody knows their scale, and latents are still to be made of them: they are cut again before that"
    return None


def _lacking(root: Path, stage: Stage, graph: Graph, taken: set[str]) -> str | None:
    """Why a stage's results can't be recorded: something that they depend on is not there. None if all is."""
    for path in stage.deps:
        makers = list(graph.makers_of(path))
        if not makers and not (root / path).exists():
            return f"{path} is not there, without which it can't be recorded: put it there, and adopt again"
        for maker in makers:
            if maker not in taken and graph.stages[maker].key is not None:
                return f"depends on {maker}, which is not taken over: it is made again after that"
    return None


def _record(root: Path, names: list[str], result: Adopted) -> None:
    def told(stage: Stage, entry: Entry) -> None:
        assert stage.key is not None
        adopted_manifest.add(root, stage.key, stage.group, {out.path: out.md5 for out in entry.outs})

    with watching("adopt", len(names), "stages") as advance:
        for name, why in taking_over.record(root, names, told) if names else ():
            if why is None:
                result.stages.append(name)
            else:
                result.left[name] = why
            advance(1)


def _in(source: Path, path: str) -> Path:
    """Where that lies in a data root which is at `path` in the project."""
    return source / Path(path).relative_to(DATA)
