"""A stage's entry for dvc.lock: before it runs, after it has run, and as it was made before of the same."""

import json
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc import run_cache
from morphseq_manifest.tracker.dvc.lock_entries import Entry, Item
from morphseq_manifest.tracker.dvc.lock_reading import StageLock
from morphseq_manifest.tracker.dvc.params_file import find
from morphseq_manifest.tracker.dvc.recorded import Recorded
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.cached import Cached
from morphseq_manifest.tracker.run.git_ignoring import GitIgnoring

_ANYBODY_EXECUTES = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


class Recorder:
    """Makes the entries of the project in `root`, with DVC's cache and run cache; `settings` are those in a file now.

    An entry has paths as dvc.lock writes them. What a stage has made is put into .gitignore by `ignoring`.
    """

    def __init__(
        self,
        root: Path,
        workspace: Workspace,
        settings: Callable[[str], Mapping[str, Any] | None],
        ignoring: GitIgnoring,
    ) -> None:
        self._ignoring = ignoring
        self._root, self._workspace, self._settings = root, workspace, settings
        self._cached = Cached(root, workspace)
        self._runs = Path(workspace.dvc_cache.place).parents[1] / "runs"

    def asked(self, stage: Stage, deps: Mapping[str, Content]) -> Entry:
        """The entry of a stage before it has made anything. Raises ContentError if it lacks a setting."""
        params = {stage.as_written(file): self._params(stage, file, names) for file, names in stage.params.items()}
        items = [self._item(stage, path, deps[path]) for path in stage.deps]
        return Entry(stage.cmd, items, params, [Item(stage.as_written(out.path), "", 0) for out in stage.outs])

    def _params(self, stage: Stage, file: str, names: list[str]) -> dict[str, Any]:
        """The settings of a stage in one file. Raises ContentError if one is missing, or of a kind DVC can't record."""
        values = self._settings(file)
        if values is None:
            raise ContentError(f"{file}: not there. Stage {stage.name} depends on settings in it")
        found = {}
        for name in names or values:
            there, found[name] = find(values, name) if names else (True, values[name])
            if not isinstance(name, str):
                raise ContentError(f"{file}: {name!r} is not a text, and DVC can't record all of this file. Quote it")
            if not there:
                raise ContentError(f"{file}: {name!r}, which stage {stage.name} depends on, is missing. Add it")
        try:
            json.dumps(found, sort_keys=True, ensure_ascii=False).encode()  # half a character can't be written
        except (TypeError, ValueError) as error:
            raise ContentError(f"{file}: stage {stage.name} depends on what DVC can't record: {error}") from error
        return found

    def made(
        self, stage: Stage, asked: Entry, before: StageLock | None, contents: Mapping[str, Content] | None = None
    ) -> Entry:
        """The entry of a stage that has run, its outputs put into the cache; `before` is what it is to replace.

        Raises ContentError if an output is missing.
        """
        contents = contents or self._workspace.look_again(out.path for out in stage.outs)
        for out in stage.outs:
            if contents[out.path].md5 is None:
                what = contents[out.path].trouble or f"{self._root / out.path}: was not made"
                raise ContentError(f"{what}. Stage {stage.name} should have made it: see its log")
        self._ignoring.add(stage)
        earlier = before.outs if before else {}
        items = [
            _versioned(self._item(stage, out.path, contents[out.path]), earlier.get(out.path)) for out in stage.outs
        ]
        entry = Entry(asked.cmd, asked.deps, asked.params, items)
        # DVC keeps manifests, which are in git, for the run cache alone.
        runs = run_cache.is_kept(stage) and all(out.cache or out.metric for out in stage.outs)
        for out, item in zip(stage.outs, items, strict=True):
            if out.cache or runs:
                self._cached.keep(out.path, contents[out.path])
                self._cached.settle(out.path, item.md5, item.isexec, out.cache)
        if runs:
            run_cache.save(self._runs, entry, self._workspace.dvc_cache.modes)
        return entry

    def restore(self, stage: Stage, asked: Entry, entry: StageLock | None) -> Entry | None:
        """Bring back what the stage made before of the same, if DVC would; None if nothing is kept of it."""
        if not run_cache.is_kept(stage):
            return None
        items = _recorded_outs(stage, asked, entry) or run_cache.find(self._runs, asked)
        made = {stage.as_written(out.path): out.path for out in stage.outs}
        if items is None or {item.path for item in items} != made.keys():
            return None
        held = self._workspace.held(item.md5 for item in items)
        if not all(held[item.md5] for item in items):
            return None
        for item in items:
            self._cached.bring_back(made[item.path], item.md5, item.isexec)
        contents = self._workspace.look_again(out.path for out in stage.outs)
        damaged = [item.md5 for item in items if contents[made[item.path]].md5 != item.md5]
        if damaged:
            self._workspace.drop_damaged(damaged)
            return None  # and so it is made again
        return self.made(stage, asked, entry, contents)

    def _item(self, stage: Stage, path: str, content: Content) -> Item:
        assert content.md5 is not None
        mode = (self._root / path).stat().st_mode
        isexec = content.nfiles is None and bool(mode & _ANYBODY_EXECUTES)
        return Item(stage.as_written(path), content.md5, content.size, content.nfiles, isexec)


def _versioned(item: Item, before: Recorded | None) -> Item:
    """What a stage has made, with the version that a remote has of the same."""
    return msgspec.structs.replace(item, cloud=before.cloud) if before and before.md5 == item.md5 else item


def _recorded_outs(stage: Stage, asked: Entry, entry: StageLock | None) -> Sequence[Item] | None:
    """What dvc.lock has of a stage, if it was made by the same command of the same, and all of it is recorded."""
    if entry is None or entry.cmd != asked.cmd:
        return None
    before = {stage.as_written(path): recorded for path, recorded in entry.deps.items()}
    if any(item.path not in before or before[item.path].md5 != item.md5 for item in asked.deps):
        return None
    if entry.params() != asked.params:  # last: to load what reads them takes long
        return None
    recorded = [(stage.as_written(out.path), entry.outs.get(out.path)) for out in stage.outs]
    items = [Item(path, out.md5, out.size or 0, out.nfiles, out.isexec) for path, out in recorded if out]
    return items if len(items) == len(recorded) else None
