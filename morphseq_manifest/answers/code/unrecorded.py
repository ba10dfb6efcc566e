"""The stages whose code is not what is recorded for their version; compared anew only if a file of theirs changed."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from morphseq_manifest.answers.code.fingerprints import COVERED
from morphseq_manifest.base import memo, sources
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc import definition
from morphseq_manifest.tracker.dvc.params_file import PARAMS


class Unrecorded(msgspec.Struct, frozen=True):
    """How the code of stages differs from what is recorded, by stage; and what could not be determined."""

    stages: dict[str, str]
    problems: list[str]

    def lines(self) -> list[str]:
        """What to tell a person, for no stage runs again for its code alone."""
        named = ", ".join(f"{stage} ({state})" for stage, state in self.stages.items())
        told = [f"code not as recorded: {named}. See `morphseq code status`"] if named else []
        return told + self.problems


def unrecorded(snapshot: CohortSnapshot) -> Unrecorded:
    """Compare the code in the working tree with manifests/code.json."""

    def compare() -> dict[str, str]:
        from morphseq_manifest.answers.code import versions

        states = versions.status(snapshot.root)
        return {item.stage: str(item.state) for item in states if item.state != versions.State.CURRENT}

    try:
        return Unrecorded(memo.recall(snapshot.root, "code", [*_files(snapshot)], dict[str, str], compare), [])
    except MorphseqError as error:
        return Unrecorded({}, [str(error)])


def unrecorded_of(snapshot: CohortSnapshot, groups: Collection[str]) -> Unrecorded:
    """The same, of these groups of stages alone; nothing in a project that records no code."""
    if snapshot.content(places.CODE) is None:
        return Unrecorded({}, [])
    found = unrecorded(snapshot)
    return Unrecorded({stage: state for stage, state in found.stages.items() if stage in groups}, found.problems)


def _files(snapshot: CohortSnapshot) -> Iterator[bytes]:
    """What the comparison depends on."""
    for name in (definition.PIPELINE, PARAMS, places.CODE):
        yield snapshot.content(name) or b""
    modules = {name for stage in snapshot.graph.stages.values() for name in definition.modules_run(stage.cmd)}
    for package in sorted({name.partition(".")[0] for name in modules} | {COVERED.replace(".", "/")}):
        sources.add(snapshot.root / package)  # it may come to be there
        for folder, folders, names in os.walk(snapshot.root / package):
            folders.sort()
            sources.add(folder)
            for path in (f"{folder}/{name}" for name in sorted(names) if name.endswith(".py")):
                yield os.fsencode(path)
                yield snapshot.content(Path(path).relative_to(snapshot.root)) or b""
