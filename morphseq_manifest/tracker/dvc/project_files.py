"""The files of DVC's in a project: its pipelines, also those in folders, and `.dvc` files, which track data."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from morphseq_manifest.base import git, sources
from morphseq_manifest.tracker.dvc.definition import PIPELINE
from morphseq_manifest.tracker.dvc.ignoring import Ignore

_DATA = ".dvc"
# Folders that are git's and DVC's own.
_INTERNAL = {".git", ".dvc", ".hg"}
_ASKED = ("check-ignore", "--no-index", "-z", "--stdin")


def others(root: Path, scm: bool) -> list[str]:
    """All but the dvc.yaml at the top, in order; DVC takes none that git's rules or .dvcignore leave out."""
    ignore = Ignore(root, nested=True)
    rules = _GitRules(root) if scm else None

    def kept(paths: list[str], are_folders: bool) -> list[str]:
        known = rules.keep(paths) if rules else None
        return [path for path in paths if not ignore.leaves_out(path, are_folders)] if known is None else known

    found = _walk(str(root), kept)
    if rules:
        rules.name()
    sources.add_all(f"{root}/{path}" for path in found)
    return [path for path in sorted(found) if not ignore.leaves_out(path) and (root / path).is_file()]


def is_data(path: str) -> bool:
    """Whether a file of DVC's is one that tracks data."""
    return path.endswith(_DATA)


def _is_of_dvc(name: str) -> bool:
    return name == PIPELINE.name or (name.endswith(_DATA) and name != _DATA)


def _walk(root: str, kept: Callable[[list[str], bool], list[str]]) -> list[str]:
    """The files of DVC's in a folder, at any depth, but the dvc.yaml at its top.

    `kept` tells which of some files, or folders, are looked at.
    """
    found: list[str] = []
    level = [""]
    while level:
        folders: list[str] = []
        for folder in level:
            at = f"{folder}/" if folder else ""
            sources.add(f"{root}/{folder}")
            with suppress(OSError), os.scandir(f"{root}/{folder}") as entries:  # DVC passes over what it can't list
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders += [f"{at}{entry.name}"] if entry.name not in _INTERNAL else []
                    elif _is_of_dvc(entry.name) and (at or entry.name != PIPELINE.name):
                        found.append(f"{at}{entry.name}")
        level = kept(folders, True)
    return kept(found, False)


class _GitRules:
    """What git's rules leave out, be it in git's index or not, as DVC has it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._asked, self._told, self._status = b"", b"", 1

    def keep(self, paths: list[str]) -> list[str] | None:
        """Those that are not left out; None if there is no repository."""
        if not paths or self._status > 1:
            return None if self._status > 1 else []
        asked = os.fsencode("".join(f"{path}\0" for path in paths))
        done = git.ask(self._root, _ASKED, asked, is_source=False)
        self._asked, self._told = self._asked + asked, self._told + done.stdout
        self._status = done.returncode if done.returncode > 1 else min(self._status, done.returncode)
        left_out = {*os.fsdecode(done.stdout).split("\0")}
        return [path for path in paths if path not in left_out] if self._status <= 1 else None

    def name(self) -> None:
        """Name all that was asked, at once, as what an answer is made of."""
        if self._asked:
            sources.add_asked(self._root, _ASKED, self._asked, self._status, self._told)
