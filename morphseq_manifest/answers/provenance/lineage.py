"""The lineage of one experiment, from df03 back to its frames: every step with hashes, settings and version."""

from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base import git
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES
from morphseq_manifest.tracker.dvc.lock_reading import LOCK, Lock, StageLock
from morphseq_manifest.tracker.dvc.stages import parents


class Item(msgspec.Struct, frozen=True):
    """A file or folder of a step: its role, path, hash (md5, as in dvc.lock), bytes, and files if it is a folder."""

    role: str
    path: str
    md5: str
    size: int | None
    nfiles: int | None


class Step(msgspec.Struct, frozen=True):
    """One step: the stage, what it made and what came into it from outside, its settings and version.

    For a table also what the experiment has in it: rows and the hash of its rows.
    """

    stage: str
    version: int | None
    items: list[Item]
    settings: dict[str, Any]
    rows: int | None = None
    contributed: str | None = None


class Lineage(msgspec.Struct, frozen=True):
    """All steps, last first; the images manifest's counts; the commit that recorded them, if one did."""

    experiment: str
    commit: str | None
    steps: list[Step]
    frames: dict[str, int]


def trace(experiment: str, snapshot: CohortSnapshot) -> Lineage:
    """The lineage of one experiment, from what is recorded. Raises ConfigError for an experiment nobody knows."""
    lock = snapshot.lock
    known = sorted({name.partition("@")[2] for name in lock if "@" in name} | snapshot.params.experiments.keys())
    if experiment not in known:
        raise ConfigError(f"experiment {experiment!r} is not known in {snapshot.label}{suggest(experiment, known)}")
    chain = {name: entry for name, entry in lock.items() if name.partition("@")[2] == experiment}
    made = {path: name for name, entry in lock.items() for path in entry.outs}
    makers = {_maker(path, made) for entry in chain.values() for path in entry.deps}
    chain |= {name: lock[name] for name in sorted(makers - chain.keys() - {""})}  # of all experiments, as `wells` is
    steps = [_table_step(table, experiment, snapshot, lock[table]) for table in reversed(TABLES) if table in lock]
    steps += [_step(name, chain[name], made) for name in _last_first(chain)]
    images = snapshot.images(experiment)
    commit = snapshot.recorded_in(LOCK)
    return Lineage(
        experiment=experiment,
        commit=git.describe(snapshot.root, commit) if commit else None,
        steps=[step for step in steps if step],
        frames=msgspec.to_builtins(images.counts) if images else {},
    )


def _table_step(table: str, experiment: str, snapshot: CohortSnapshot, entry: StageLock) -> Step | None:
    manifest = snapshot.cohort(table)
    part = manifest.experiments.get(experiment) if manifest else None
    if manifest is None or part is None:
        return None
    stem = Path(manifest.table).stem
    items = [_item("made", path, out) for path, out in entry.outs.items() if Path(path).stem == stem]
    return Step(table, manifest.versions.get(table), items, _settings(entry), part.rows, part.contributed)


def _step(name: str, entry: StageLock, made: dict[str, str]) -> Step:
    stage = name.partition("@")[0]
    settings = _settings(entry)
    items = [_item("made", path, out) for path, out in entry.outs.items()]
    items += [_item("from outside", path, dep) for path, dep in entry.deps.items() if not _maker(path, made)]
    return Step(name, settings.pop(f"versions.{stage}", None), items, settings)


def _maker(path: str, made: dict[str, str]) -> str:
    """The stage that makes a path, or the folder that it is in; empty if none does."""
    return next((made[place] for place in (path, *parents(path)) if place in made), "")


def _item(role: str, path: str, found: Any) -> Item:
    return Item(role, path, found.md5, found.size, found.nfiles)


def _settings(entry: StageLock) -> dict[str, Any]:
    return {
        name: value for values in entry.params().values() for name, value in values.items() if name != "experiments"
    }


def _last_first(chain: Lock) -> list[str]:
    """The stages, each before those whose outputs it depends on; of equal depth, the experiment's own last, by name."""
    made = {path: name for name, entry in chain.items() for path in entry.outs}

    def depth(name: str) -> int:
        return 1 + max((depth(maker) for path in chain[name].deps if (maker := _maker(path, made))), default=0)

    return sorted(chain, key=lambda name: (-depth(name), "@" in name, name))
