"""What becomes of a stage's outputs: set aside while it runs, put back when it fails, recorded when it has run."""

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc import run_cache
from morphseq_manifest.tracker.dvc.folder_hash import folder_listing
from morphseq_manifest.tracker.dvc.lock_entries import Entry, Item
from morphseq_manifest.tracker.dvc.lock_reading import Recorded, StageLock
from morphseq_manifest.tracker.dvc.params_file import find
from morphseq_manifest.tracker.dvc.stages import Stage

_ASIDE = files.OWN / "aside"
_CACHED_MODE = 0o444


class Recorder:
    """Outputs, DVC's cache and run cache of the project in `root`; `settings` are those in params.yaml."""

    def __init__(self, root: Path, workspace: Workspace, settings: Mapping[str, Any]) -> None:
        self._root, self._workspace, self._settings = root, workspace, settings
        self._runs = Path(workspace.dvc_cache.place).parents[1] / "runs"

    def asked(self, stage: Stage, deps: Mapping[str, Content]) -> Entry:
        """The entry of a stage before it has made anything. Raises ContentError where it lacks a setting."""
        params = {}
        for name in stage.params:
            there, params[name] = find(self._settings, name)
            if not there:
                raise ContentError(f"params.yaml: {name!r}, which stage {stage.name} depends on, is missing. Add it")
        items = [self._item(path, deps[path]) for path in stage.deps]
        return Entry(stage.cmd, items, params, [Item(out.path, "", 0) for out in stage.outs])

    def _item(self, path: str, content: Content) -> Item:
        assert content.md5 is not None
        mode = (self._root / path).stat().st_mode
        isexec = content.nfiles is None and bool(mode & stat.S_IEXEC)
        return Item(path, content.md5, content.size, content.nfiles, isexec)

    def made(self, stage: Stage, asked: Entry, found: Mapping[str, Content] | None = None) -> Entry:
        """The entry of a stage that has run, its outputs put into DVC's cache. Raises ContentError for what lacks."""
        found = found or self._workspace.look_again(out.path for out in stage.outs)
        for out in stage.outs:
            if found[out.path].md5 is None:
                what = found[out.path].trouble or f"{self._root / out.path}: was not made"
                raise ContentError(f"{what}. Stage {stage.name} should have made it: see its log")
        entry = Entry(asked.cmd, asked.deps, asked.params, [self._item(o.path, found[o.path]) for o in stage.outs])
        # DVC keeps manifests, which are in git, for the run cache alone.
        runs = run_cache.is_kept(stage) and all(out.cache or out.metric for out in stage.outs)
        for out in stage.outs:
            if out.cache or runs:
                self._keep(out.path, found[out.path])
        if runs:
            run_cache.save(self._runs, entry)
        return entry

    def restore(self, stage: Stage, asked: Entry, entry: StageLock | None) -> Entry | None:
        """Bring back what the stage made before of the same, where DVC would; None where nothing is kept of it."""
        if not run_cache.is_kept(stage):
            return None
        outs = _recorded_outs(stage, asked, entry) or run_cache.find(self._runs, asked)
        if outs is None or {item.path for item in outs} != {out.path for out in stage.outs}:
            return None
        held = self._workspace.held(item.md5 for item in outs)
        if not all(held[item.md5] for item in outs):
            return None
        for item in outs:
            self._bring_back(item.path, item.md5, item.isexec)
        found = self._workspace.look_again(out.path for out in stage.outs)
        damaged = [item.md5 for item in outs if found[item.path].md5 != item.md5]
        if damaged:
            self._workspace.drop_damaged(damaged)
            return None  # and so it is made again
        return self.made(stage, asked, found)

    def _keep(self, path: str, content: Content) -> None:
        """Put an output into DVC's cache."""
        md5 = str(content.md5)
        if self._workspace.held([md5])[md5]:
            return
        if content.nfiles is None:
            self._copy(self._root / path, md5)
        else:
            known = {name: item.md5 for name, item in self._workspace.members(path).items()}
            for name, one in known.items():
                self._copy(self._root / path / name, one)
            self._write(md5, folder_listing(known))
        self._workspace.keeps(md5)

    def _copy(self, path: Path, md5: str) -> None:
        place = Path(self._workspace.dvc_cache.path(md5))
        if not place.exists():
            with files.replacing(place, durable=False) as temporary:
                shutil.copyfile(path, temporary)
                temporary.chmod(_CACHED_MODE)

    def _write(self, md5: str, data: bytes) -> None:
        with files.replacing(Path(self._workspace.dvc_cache.path(md5)), durable=False) as temporary:
            temporary.write_bytes(data)
            temporary.chmod(_CACHED_MODE)

    def _bring_back(self, path: str, md5: str, isexec: bool) -> None:
        """Copy content from DVC's cache to where it was."""
        place = self._root / path
        if not md5.endswith(".dir"):
            if place.is_symlink() or place.is_dir():
                _remove(place)
            with files.replacing(place, durable=False) as temporary:
                shutil.copyfile(self._workspace.dvc_cache.path(md5), temporary)
                if isexec:
                    temporary.chmod(temporary.stat().st_mode | stat.S_IEXEC)
            return
        import json

        listed = json.loads(Path(self._workspace.dvc_cache.path(md5)).read_bytes())
        _remove(place)
        with files.replacing_folders([place]) as (temporary,):
            for item in listed:
                target = temporary / item["relpath"]
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._workspace.dvc_cache.path(item["md5"]), target)

    def clear(self, stage: Stage, entry: StageLock | None) -> None:
        """Take away what the stage made before, as DVC does; what DVC's cache does not hold is set aside."""
        for number, out in enumerate(stage.outs):
            place = self._root / out.path
            if out.persist or not os.path.lexists(place):
                continue
            recorded = entry.outs.get(out.path) if entry else None
            if recorded and out.cache and self._is_kept(out.path, recorded):
                _remove(place)
            else:
                aside = self._aside(stage, number)
                _remove(aside)
                aside.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(place, aside)
            place.parent.mkdir(parents=True, exist_ok=True)

    def _is_kept(self, path: str, recorded: Recorded) -> bool:
        content = self._workspace.look([path])[path]
        return content.md5 == recorded.md5 and self._workspace.held([recorded.md5])[recorded.md5]

    def put_back(self, stage: Stage, entry: StageLock | None) -> None:
        """Bring back what the stage made before, after it failed."""
        for number, out in enumerate(stage.outs):
            aside, place = self._aside(stage, number), self._root / out.path
            recorded = entry.outs.get(out.path) if entry else None
            if os.path.lexists(aside):
                _remove(place)
                shutil.move(aside, place)
            elif out.persist:
                continue
            elif recorded and out.cache and self._workspace.held([recorded.md5])[recorded.md5]:
                self._bring_back(out.path, recorded.md5, recorded.isexec)
            else:
                _remove(place)  # half-made: nothing was there before
        self._workspace.look_again(out.path for out in stage.outs)

    def forget(self, stage: Stage) -> None:
        """Delete what was set aside."""
        shutil.rmtree(self._aside(stage, 0).parent, ignore_errors=True)

    def recover(self, stages: Mapping[str, Stage], lock: Mapping[str, StageLock]) -> None:
        """Put back what a run that was killed had set aside, but where it has been made anew since."""
        folder = self._root / _ASIDE
        for name in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208 - as names
            stage, entry = stages.get(name), lock.get(name)
            for number, out in enumerate(stage.outs if stage else ()):
                aside, place = folder / name / str(number), self._root / out.path
                recorded = entry.outs.get(out.path) if entry else None
                if not os.path.lexists(aside) or (
                    recorded and self._workspace.look_again([out.path])[out.path].md5 == recorded.md5
                ):
                    continue
                _remove(place)
                shutil.move(aside, place)
            shutil.rmtree(folder / name, ignore_errors=True)

    def _aside(self, stage: Stage, number: int) -> Path:
        return self._root / _ASIDE / stage.name / str(number)


def _recorded_outs(stage: Stage, asked: Entry, entry: StageLock | None) -> Sequence[Item] | None:
    """What dvc.lock has of a stage, where it was made by the same command of the same."""
    if entry is None or entry.cmd != asked.cmd or entry.params().get("params.yaml", {}) != asked.params:
        return None
    if any(item.path not in entry.deps or entry.deps[item.path].md5 != item.md5 for item in asked.deps):
        return None
    found = [(out.path, entry.outs.get(out.path)) for out in stage.outs]
    return [Item(path, one.md5, one.size or 0, one.nfiles, one.isexec) for path, one in found if one] or None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
