"""What of an experiment lies in a project: what its stages made, and their entries in dvc.lock."""

import os
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.base import files
from morphseq_manifest.cohort import missing_inputs
from morphseq_manifest.cohort.keyed_paths import pattern_of
from morphseq_manifest.cohort.snapshot import CohortSnapshot


class Belongings(NamedTuple):
    """The paths of what its stages made, and the names of those in dvc.lock."""

    outputs: list[str]
    entries: list[str]

    def __str__(self) -> str:
        named = f" (as {self.outputs[0]})" if self.outputs else ""
        entries = f"{len(self.entries)} {'entry' if len(self.entries) == 1 else 'entries'}"
        return f"{counted(self.outputs)}{named}, {entries} in dvc.lock"


def counted(outputs: list[str]) -> str:
    """How many outputs these are."""
    return f"{len(outputs)} output{'s' * (len(outputs) != 1)}"


def of_experiment(snapshot: CohortSnapshot, name: str) -> Belongings:
    """What is there of a listed experiment; what its stages read and no stage makes is never among it."""
    stages = [stage for stage in snapshot.graph.stages.values() if stage.key == name]
    made = [out.path for stage in stages for out in stage.outs if os.path.lexists(snapshot.root / out.path)]
    return Belongings(made, [stage.name for stage in stages if stage.name in snapshot.entries])


def beside_inputs(snapshot: CohortSnapshot, name: str) -> list[str]:
    """What else lies where an experiment's inputs do and begins with its id, such as a workbook: no stage's input."""
    keyed = [path for path in missing_inputs.inputs(snapshot.graph, name) if name in path]
    folders = dict.fromkeys(found.folder for path in keyed if (found := pattern_of(path, name)))
    longer = [other for other in snapshot.experiments if other != name and other.startswith(name)]
    paths = [
        f"{folder}/{found}"
        for folder in folders
        for found in missing_inputs.names_in(snapshot.root / folder)
        if found.startswith(f"{name}_") and not any(found.startswith(other) for other in longer)
    ]
    return [path for path in paths if path not in keyed]


def delete(root: Path, paths: list[str]) -> None:
    """Delete outputs; of one that is a link, the link alone."""
    for path in paths:
        files.remove(root / path)
