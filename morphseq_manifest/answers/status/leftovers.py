"""What is unusual: what experiments that are no longer listed left behind, folders not listed, code not recorded."""

import msgspec

from morphseq_manifest.answers.code.unrecorded import unrecorded
from morphseq_manifest.base import files
from morphseq_manifest.cohort import leftovers
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.disk.workspace import Workspace


class Unusual(msgspec.Struct, frozen=True):
    """What to look into.

    `orphans`: by experiment no longer listed, what is left of it. `unlisted`: folders that a stage would read, were
    they listed. `code`: stages whose code is not what is recorded for their version, and how. `problems`: what could
    not be determined.
    """

    orphans: dict[str, list[str]] = {}
    unlisted: list[str] = []
    code: dict[str, str] = {}
    problems: list[str] = []


def look(snapshot: CohortSnapshot, workspace: Workspace) -> Unusual:
    """Look for what is unusual in the working tree."""
    problems: list[str] = []
    found = sorted(leftovers.of_experiments(snapshot, workspace, problems))
    orphans: dict[str, list[str]] = {}
    for key, path, is_output in found:
        if is_output:
            orphans.setdefault(files.printable(key), []).append(files.printable(path))
    for key, name in leftovers.entries(snapshot):
        orphans.setdefault(key, []).append(f"{name} in dvc.lock")
    unlisted = [files.printable(path) for _, path, is_output in found if not is_output]
    code = unrecorded(snapshot)
    return Unusual(orphans, unlisted, code.stages, problems + code.problems)
