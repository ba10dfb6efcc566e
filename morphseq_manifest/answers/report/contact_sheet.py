"""The contact sheet: which frames of an experiment are shown, and which don't fit their plate table."""

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from morphseq_manifest.answers.pictures import places
from morphseq_manifest.answers.report import shots
from morphseq_manifest.answers.report.rows import REASONS, TIME, WELL, Rows
from morphseq_manifest.answers.report.shots import Row, Shot
from morphseq_manifest.cohort.manifests.images_manifest import FRAME_WITHOUT_ROW, ImagesManifest, Problem
from morphseq_manifest.cohort.snapshot import CohortSnapshot

Key = tuple[str, int]  # a well and a frame of it
_UNFIT = 4
_PROBLEMS = 12


class Sheet(msgspec.Struct, frozen=True):
    """Frames of some wells, and frames that don't fit their plate table, with the list of all that does not fit.

    `lacking` says what is not there of the frames shown. `of_wells` and `of_frames` are how many there are in all;
    `more` problems are not in the list.
    """

    shots: list[Shot]
    unfit: list[Shot]
    lacking: list[str]
    problems: list[Problem]
    more: int
    of_wells: int
    of_frames: int


def begin(
    snapshot: CohortSnapshot, manifest: ImagesManifest, rows: Rows | None, most: int, pool: ThreadPoolExecutor
) -> Callable[[], Sheet]:
    """Begin the sheet of an experiment, with at most so many of its wells; what is returned waits for it.

    `rows` are its rows of df02, if there are any.
    """
    where = places.of_experiment(snapshot, manifest.experiment)
    listed = {(frame.well, frame.time_int): frame for frame in manifest.frames}
    chosen = sorted(_chosen(manifest, rows, most))
    unfit = [(problem.well, problem.time_int) for problem in manifest.problems if problem.kind == FRAME_WITHOUT_ROW]
    beside = [key for key in unfit if key in listed][: min(_UNFIT, most)]
    about = _about(rows, {*chosen, *beside})

    def shot(key: Key) -> Shot:
        return shots.shoot(manifest, listed[key], where, about.get(key, []))

    usual, others = pool.map(shot, chosen), pool.map(shot, beside)
    return lambda: _sheet(manifest, list(usual), list(others))


def _sheet(manifest: ImagesManifest, usual: list[Shot], unfit: list[Shot]) -> Sheet:
    return Sheet(
        shots=usual,
        unfit=unfit,
        lacking=list(_lacking(usual)),
        problems=manifest.problems[:_PROBLEMS],
        more=max(len(manifest.problems) - _PROBLEMS, 0),
        of_wells=manifest.counts.wells,
        of_frames=manifest.counts.frames,
    )


def _lacking(usual: list[Shot]) -> Iterator[str]:
    """What is not there of the frames shown: of all of them, or of which."""
    for what in dict.fromkeys(what for shot in usual for what in shot.lacking):
        names = [shot.name for shot in usual if what in shot.lacking]
        yield what if len(names) == len(usual) else f"{what} of {', '.join(names)}"


def _about(rows: Rows | None, keys: Collection[Key]) -> dict[Key, list[Row]]:
    """The rows of df02 of some wells and frames, by these."""
    found: dict[Key, list[Row]] = {}
    if rows is None:
        return found
    for place, key in enumerate(_keys(rows)):
        if key in keys:
            row = {name: rows.columns[name][place] for name in shots.SHOWN if name in rows.columns}
            found.setdefault(key, []).append(row)
    return found


def _keys(rows: Rows) -> list[Key]:
    """The well and frame of each row."""
    return list(zip(map(str, rows.texts(WELL)), map(int, rows.numbers(TIME).tolist()), strict=True))


def _chosen(manifest: ImagesManifest, rows: Rows | None, most: int) -> set[Key]:
    """The frames of the sheet: one for each reason not to use a row, then the middle frames of wells spread evenly."""
    wells = manifest.by_well()
    taken: dict[Key, None] = {}
    if rows:
        listed = {(frame.well, frame.time_int) for frame in manifest.frames}
        first: dict[str, Key] = {}
        for key, why in zip(_keys(rows), rows.texts(REASONS), strict=True):
            if why and key in listed:
                first.setdefault(why, key)
        taken |= dict.fromkeys(list(first.values())[: most // 3])
    free = [well for well in wells if well not in {well for well, _ in taken}]
    room = max(most - len(taken), 0)
    spread = free if len(free) <= room else [free[number * len(free) // room] for number in range(room)]
    return {*taken, *((well, wells[well][len(wells[well]) // 2].time_int) for well in spread)}


def pool() -> ThreadPoolExecutor:
    """Threads for pictures: decoders let go of the interpreter."""
    return ThreadPoolExecutor(os.cpu_count() or 1)
