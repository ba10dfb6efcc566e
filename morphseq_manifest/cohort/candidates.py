"""Experiments that are not listed, and could be: by their ids, their folders of frames and their plate tables."""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort import experiments_text, missing_inputs
from morphseq_manifest.cohort.ids import EXPERIMENT_FORM, frame_key, is_experiment
from morphseq_manifest.cohort.keyed_paths import pattern_of
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.params_file import PARAMS

# The id of an experiment that is only listed to see what its stages would read.
_PROBE = "0probe0"


class Candidates(NamedTuple):
    """Ids with all that an experiment needs, and by id of the others what is there of them."""

    whole: list[str]
    partial: dict[str, list[str]]


def unfit_id(name: str, others: Collection[str]) -> str | None:
    """Why an id can't be used beside others; None if it can."""
    if not is_experiment(name):
        return f"{name!r} can't be an id: an id has {EXPERIMENT_FORM}. Rename its folder of frames and its plate table"
    twins = sorted(other for other in others if other != name and other.lower() == name.lower())
    if twins:
        return (
            f"differs from {twins[0]} by case alone: where file names have no case, as on many a server, both would be "
            "one folder. Rename one of them"
        )
    return None


def usual_segmenter(snapshot: CohortSnapshot) -> str:
    """The segmenter of all experiments. Raises ConfigError if they have several or there is none."""
    used = sorted({said.segmenter for said in snapshot.experiments.values()})
    if len(used) != 1:
        there = f"the experiments have {', '.join(used)}" if used else "no experiment is listed yet"
        raise ConfigError(f"which segmenter? {there}: say --segmenter S")
    return used[0]


def listing(snapshot: CohortSnapshot, names: Iterable[str], segmenter: str | None = None) -> CohortSnapshot:
    """The project as it would be with these experiments listed too, with this segmenter or that of all others."""
    segmenters = dict.fromkeys(names, segmenter or usual_segmenter(snapshot))
    text = experiments_text.added(snapshot.settings_text, segmenters, snapshot.root / PARAMS)
    return CohortSnapshot(snapshot.root, texts={PARAMS: text.encode()})


def unlisted(snapshot: CohortSnapshot) -> Candidates:
    """What lies where the inputs of experiments lie, frames and tables, and is of none that is listed."""
    probing = listing(snapshot, [_PROBE], "any")
    keyed = [path for path in missing_inputs.inputs(probing.graph, _PROBE) if _PROBE in path]
    there: dict[str, list[str]] = {}
    for path in keyed:
        for name, found in _alike(snapshot.root, path):
            if name not in snapshot.experiments:
                there.setdefault(name, []).append(found)
    whole = sorted(name for name, paths in there.items() if len(paths) == len(keyed))
    return Candidates(whole, {name: paths for name, paths in sorted(there.items()) if len(paths) < len(keyed)})


def _alike(root: Path, path: str) -> Iterator[tuple[str, str]]:
    """The ids, and the paths, of what differs from the probe's path in the id alone: files, and folders with frames."""
    if alike := pattern_of(path, _PROBE):
        names = (alike.key(name) for name in missing_inputs.names_in(root / alike.folder))
        for name, found in ((name, alike.path(name)) for name in names if name is not None):
            if _holds_frames(root / found) if (root / found).is_dir() else (root / found).is_file():
                yield name, found


def _holds_frames(folder: Path) -> bool:
    try:
        return any(frame_key(name) for name in os.listdir(folder))  # noqa: PTH208
    except OSError:
        return True  # what can't be listed may hold some, and is refused by name


def read_list(path: Path) -> tuple[list[str], list[str]]:
    """The ids in a file, one a line, each once, and those that stand there again; blank lines and comments are none.

    Raises UnreadableError, and ConfigError if it is not UTF-8.
    """
    text = files.read_text(path, "Name a file with an id a line", "Save it as UTF-8")
    lines = (line.partition("#")[0].strip() for line in text.removeprefix("\ufeff").splitlines())
    names = [line for line in lines if line]
    again = dict.fromkeys(name for number, name in enumerate(names) if name in names[:number])
    return list(dict.fromkeys(names)), list(again)
