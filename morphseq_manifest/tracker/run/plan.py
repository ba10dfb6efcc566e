"""What a run is about, and what it would do: nothing is changed here."""

from pathlib import Path

from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness import failure_notes
from morphseq_manifest.tracker.freshness.assess import assess
from morphseq_manifest.tracker.freshness.steps import Step, steps
from morphseq_manifest.tracker.run.options import Options
from morphseq_manifest.tracker.run.targets import Choice, choose
from morphseq_manifest.tracker.snapshot import Snapshot


def plan(root: Path, options: Options) -> tuple[dict[str, Step], set[str]]:
    """What would run, and why: the state of each stage, and those that run even if up to date.

    Raises as `run` does.
    """
    snapshot = Snapshot(root, texts=options.edits(root))
    choice = chosen(snapshot, options)
    verdicts = assess(snapshot, Workspace(root), choice.stages)
    states = steps(snapshot.graph, verdicts, snapshot.entries, failure_notes.read(root))
    return {name: states[name] for name in choice.stages}, forced(choice, options)


def chosen(snapshot: Snapshot, options: Options) -> Choice:
    """The stages asked for, and all that may run for them, in the order of `dvc repro`."""
    return choose(
        snapshot.graph, options.targets, options.keys, alone=options.force, with_downstream=options.with_downstream
    )


def forced(choice: Choice, options: Options) -> set[str]:
    """The stages to run even if they are up to date."""
    return set(choice.targets) if options.force else set()


def stages_of(snapshot: Snapshot, options: Options) -> list[Stage]:
    """The stages that a run is about, of a project that is as in this snapshot but for what the options edit."""
    if edits := options.edits(snapshot.root):
        snapshot = Snapshot(snapshot.root, texts=edits)
    return [snapshot.graph.stages[name] for name in chosen(snapshot, options).stages]
