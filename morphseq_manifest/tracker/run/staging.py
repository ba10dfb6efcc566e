"""What a run writes that belongs into git is put into its index where `core.autostage` is on, as DVC does it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from morphseq_manifest.base import git
from morphseq_manifest.base.console import note
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.dvc.lock_reading import LOCK
from morphseq_manifest.tracker.dvc.stages import Stage


class Staging:
    """What is in the files that a run of `stages` may write for git, before it begins."""

    def __init__(self, root: Path, stages: Iterable[Stage]) -> None:
        self._root = root
        paths = sorted({path for stage in stages for path in _written(stage)})
        self._before = {path: self._content(path) for path in paths}

    def stage(self) -> None:
        """Put into git's index those that are another now; if git does not take them, that is said."""
        changed = [path for path, before in self._before.items() if self._content(path) != before]
        if changed and (trouble := git.stage(self._root, changed)):
            note(f"core.autostage: git did not take {', '.join(changed)}: {trouble}. Stage them: `git add`")

    def _content(self, path: str) -> bytes | None:
        try:
            return read_small(self._root / path)
        except OSError:
            return None


def _written(stage: Stage) -> Iterator[str]:
    """The files for git that a run of the stage may write: what it records, and what git is to ignore."""
    yield stage.file if stage.is_data else Path(stage.file).with_name(LOCK.name).as_posix()
    yield from ((Path(out.path).parent / ".gitignore").as_posix() for out in stage.outs if out.cache)
