"""New outputs are put into .gitignore beside them, as DVC does it: git must not take what DVC caches."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from morphseq_manifest.base import files, git
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.stages import Stage

_IGNORE = ".gitignore"
_MARKS = "\\[]!*#?"
_OF_DVC = {"dvc.yaml", "dvc.lock"}


class GitIgnoring:
    """What is added to the .gitignore files of the project in `root`, for `stages` in the order of `dvc repro`.

    With `scm` false, nothing is, nor without a git repository. Raises ConfigError for an output that git tracks, a
    file of DVC's that git ignores, and a .gitignore that is a link.
    """

    def __init__(self, root: Path, stages: Sequence[Stage], scm: bool) -> None:
        self._root = root
        outs = [out.path for stage in stages for out in stage.outs if out.cache]
        ignored = git.ignored(root, [*outs, *_OF_DVC]) if scm else None
        if lost := (ignored or set()) & _OF_DVC:
            raise ConfigError(f"{root / min(lost)}: git ignores it, and DVC takes no such file. Correct .gitignore")
        self.is_in_git = ignored is not None
        unknown = [] if ignored is None else [path for path in outs if path not in ignored]
        for folder in {path.rpartition("/")[0] for path in unknown}:
            self._refuse_link(root / folder / _IGNORE)
        self._place = {path: number for number, path in enumerate(unknown)}
        self._before: dict[str, bytes] = {}
        self._added: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        if unknown and (tracked := git.tracked(root, unknown)):
            raise ConfigError(
                f"{root / tracked[0]}: an output that DVC caches, and git tracks it too. "
                f"Take it out of git: `git rm -r --cached {tracked[0]}`"
            )

    def add(self, stage: Stage) -> None:
        """See to it that git ignores the outputs that the stage has made, whichever stages ended before it."""
        asked = [out.path for out in stage.outs if out.path in self._place]
        if not asked:
            return
        with self._lock:
            # A rule for folders tells only now, when there is one.
            ignored = git.ignored(self._root, asked) or set()
            for path in asked:
                if path not in ignored:
                    self._add(path)

    def _add(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        place = self._root / folder / _IGNORE
        self._refuse_link(place)
        if folder not in self._before:
            self._before[folder] = files.read_bytes(place, "Restore it") if place.exists() else b""
        before = self._before[folder]
        self._added.setdefault(folder, set()).add(path)
        in_order = sorted(self._added[folder], key=self._place.__getitem__)
        gap = b"\n" * bool(before and not before.endswith(b"\n"))
        files.write_bytes(place, before + gap + os.fsencode("".join(map(_entry, in_order))))

    def _refuse_link(self, place: Path) -> None:
        if place.is_symlink():
            raise ConfigError(f"{place}: a link, which git does not follow. Put a file there")


def _entry(path: str) -> str:
    """The line for a path in the .gitignore beside it."""
    name = path.rpartition("/")[2]
    return f"/{''.join(f'{chr(92)}{mark}' if mark in _MARKS else mark for mark in name)}\n"
