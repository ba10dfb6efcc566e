"""A stage's earlier outputs: set aside while it runs, put back if it fails."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import MorphseqError, described
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.lock_reading import StageLock
from morphseq_manifest.tracker.dvc.recorded import Recorded
from morphseq_manifest.tracker.dvc.stages import Output, Stage, file_name, stage_name
from morphseq_manifest.tracker.run.cached import Cached

_ASIDE = files.OWN / "aside"


class Outputs:
    """The outputs of one stage, whose entry in dvc.lock is `entry`, in the project in `root`."""

    def __init__(self, root: Path, workspace: Workspace, stage: Stage, entry: StageLock | None) -> None:
        self._root, self._workspace, self._cached = root, workspace, Cached(root, workspace)
        self._stage, self._entry = stage, entry
        self._aside = root / _ASIDE / file_name(stage.name)
        self._cleared: set[str] = set()

    def clear(self) -> None:
        """Set aside what the stage made before; what DVC's cache holds too is deleted if it would have to be copied."""
        for number, out in enumerate(self._stage.outs):
            place = self._root / out.path
            if out.persist or not os.path.lexists(place):
                if out.persist and out.cache and place.exists():
                    self._cached.unprotect(out.path)
            else:
                self._set_aside(out, place, self._aside / str(number))
                place.parent.mkdir(parents=True, exist_ok=True)
            self._cleared.add(out.path)

    def _set_aside(self, out: Output, place: Path, aside: Path) -> None:
        recorded = self._recorded(out)
        files.remove(aside)
        aside.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.rename(aside)
        except OSError:  # on another disk
            if recorded and out.cache and self._is_cached(out.path, recorded):
                files.remove(place)
            else:
                shutil.move(place, aside)

    def put_back(self) -> str:
        """Bring back what the stage made before, after it failed, and forget what was set aside.

        What can't be brought back, why, and what to do about it; nothing if all is back.
        """
        lost = []
        for number, out in enumerate(self._stage.outs):
            aside = self._aside / str(number)
            try:
                if out.path in self._cleared:
                    self._put_back(out, aside)
            except (OSError, MorphseqError) as error:
                why = described(error) if isinstance(error, OSError) else error
                remedy = "`morphseq run` puts it back" if os.path.lexists(aside) else f"`dvc checkout {out.path}` does"
                lost.append(f"{out.path}, which it made before, could not be put back: {why}. {remedy}")
        self._workspace.look_again(out.path for out in self._stage.outs)
        if not lost:
            self.forget()  # not before all is back: what is set aside may be the only copy
        return ". ".join(lost)

    def _put_back(self, out: Output, aside: Path) -> None:
        place, recorded = self._root / out.path, self._recorded(out)
        if os.path.lexists(aside):
            files.remove(place)
            shutil.move(aside, place)
        elif out.persist:
            return
        elif recorded and out.cache and self._cached.holds(recorded.kept):
            self._cached.bring_back(out.path, recorded.kept, recorded.isexec)
        else:
            files.remove(place)  # half-made: nothing was there before

    def forget(self) -> None:
        """Delete what was set aside."""
        if os.path.lexists(self._aside):
            shutil.rmtree(self._aside, ignore_errors=True)

    def _recorded(self, out: Output) -> Recorded | None:
        return self._entry.outs.get(out.path) if self._entry else None

    def _is_cached(self, path: str, recorded: Recorded) -> bool:
        content = self._workspace.look([path])[path]
        return content.md5 == recorded.md5 and self._cached.holds(recorded.kept)


def recover(root: Path, workspace: Workspace, stages: Mapping[str, Stage], lock: Mapping[str, StageLock]) -> None:
    """Put back what a run that was killed had set aside, unless it has been made anew since."""
    folder = root / _ASIDE
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208 - as names
        stage, entry = stages.get(stage_name(name)), lock.get(stage_name(name))
        for number, out in enumerate(stage.outs if stage else ()):
            aside, place = folder / name / str(number), root / out.path
            recorded = entry.outs.get(out.path) if entry else None
            if not os.path.lexists(aside) or (
                recorded and workspace.look_again([out.path])[out.path].md5 == recorded.md5
            ):
                continue
            files.remove(place)
            shutil.move(aside, place)
        shutil.rmtree(folder / name, ignore_errors=True)
