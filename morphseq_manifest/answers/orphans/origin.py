"""Whether this project made something: only that may be deleted as what is left of it."""

from collections.abc import Iterator
from functools import cached_property

from morphseq_manifest.base import git
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.base.reading import read
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.cache import DvcCache
from morphseq_manifest.tracker.dvc.lock_reading import LOCK


class Origin:
    """What dvc.lock, now and in git's history, and DVC's cache show of what a project has made."""

    def __init__(self, snapshot: CohortSnapshot) -> None:
        self._snapshot = snapshot

    def is_known(self, path: str) -> bool:
        """Whether a stage made this or something in it: it is or was an output in dvc.lock, or the cache holds it."""
        return self._is_in(path, self._now) or self._is_in(path, self._before) or self._is_in_cache(path)

    @staticmethod
    def _is_in(path: str, outputs: set[str]) -> bool:
        return path in outputs or any(output.startswith(f"{path}/") for output in outputs)

    @cached_property
    def _now(self) -> set[str]:
        return {path for entry in self._snapshot.lock.values() for path in entry.outs}

    @cached_property
    def _before(self) -> set[str]:
        return {path for text in self._texts() for path in _outputs(text)}

    def _texts(self) -> Iterator[str]:
        root = self._snapshot.root
        for commit in git.history(root, LOCK):
            yield (git.content(root, commit, LOCK) or b"").decode(errors="replace")

    def _is_in_cache(self, path: str) -> bool:
        """Whether DVC's cache holds all of it, to the byte."""
        place, cache = self._snapshot.root / path, DvcCache(self._snapshot.root)
        inside = [place] if place.is_file() else [found for found in place.rglob("*") if found.is_file()]
        try:
            return bool(inside) and all(cache.holds(read(str(found)).md5) for found in inside)
        except (OSError, MorphseqError):
            return False


def _outputs(text: str) -> Iterator[str]:
    """The paths of outputs in the text of a dvc.lock, as far as it is in DVC's plain form."""
    section = ""
    for line in text.splitlines():
        if line.startswith("    ") and line[4:5].isalpha():
            section = line.strip()
        elif section == "outs:" and line.startswith("    - path: "):
            yield line.removeprefix("    - path: ").strip("'")
