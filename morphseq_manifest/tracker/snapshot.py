"""The project at one moment: its settings, lock and stages, in the working tree or at a commit."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from morphseq_manifest.base import git, memo
from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.base.reading import read_small
from morphseq_manifest.tracker.dvc import lock_reading, params_file
from morphseq_manifest.tracker.dvc.lock_reading import Lock
from morphseq_manifest.tracker.dvc.params_file import PARAMS

if TYPE_CHECKING:
    from morphseq_manifest.tracker.dvc.graph import Graph

Settings = dict[str, dict[str, Any]]
_Made = TypeVar("_Made")


class Snapshot:
    """What is recorded in the working tree of `root`, or at the commit `rev`. Nothing is checked out.

    `texts` stand for the content of files in their places. Raises as check_links does.
    """

    def __init__(self, root: Path, rev: str | None = None, texts: Mapping[Path, bytes] | None = None) -> None:
        check_links(root)
        self.root = root
        self._texts = texts or {}
        self.commit = git.commit(root, rev) if rev else None
        self.label = rev or "the working tree"

    def recorded_in(self, path: Path) -> str | None:
        """The commit that first had a file as it is at this moment; None if it is not committed."""
        commits = git.history(self.root, path, start=self.commit or "HEAD")[:1]
        same = bool(commits) and git.content(self.root, commits[0], path) == self.content(path)
        return commits[0] if same else None

    def content(self, path: Path) -> bytes | None:
        """A file's bytes, by its path in the project; None if it is not there."""
        if path in self._texts:
            return self._texts[path]
        if self.commit:
            return git.content(self.root, self.commit, path)
        try:
            return read_small(self.root / path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableError(f"{self.root / path}: can't be read ({error.strerror})") from error

    def text(self, path: Path) -> str | None:
        """A file's text; None if it is not there. Raises ContentError if it is not UTF-8."""
        data = self.content(path)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError as error:
            raise ContentError(
                f"{self.name(path)}: not UTF-8 at byte {error.start}. Restore it: `git checkout {path}`"
            ) from error

    def name(self, path: Path) -> str:
        """How messages name a file of this moment."""
        return f"{path} at {self.label}" if self.commit else str(self.root / path)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings in params.yaml; none if there is no such file. Raises as params_file.parse does."""
        text, path = self.settings_text, Path(self.name(PARAMS))
        return self._recall("params", [text.encode()], dict[str, Any], lambda: params_file.parse(text, path))

    @cached_property
    def settings_text(self) -> str:
        """The text of params.yaml; empty if there is no such file."""
        return self.text(PARAMS) or ""

    @cached_property
    def lock(self) -> Lock:
        """The lock; empty if nothing has run yet. Raises as lock_reading.parse does."""
        text = self.text(lock_reading.LOCK)
        if text is None:
            return {}
        return self._recall(
            "lock", [text.encode()], Lock, lambda: lock_reading.parse(text, self.name(lock_reading.LOCK))
        )

    @cached_property
    def locked_settings(self) -> dict[str, Settings]:
        """The settings that stages ran with, by the text that dvc.lock has of them: most have the same."""
        texts = sorted({entry.params_text for entry in self.lock.values()})

        def read() -> dict[str, Settings]:
            return {text: lock_reading.parse_settings(text, self.name(lock_reading.LOCK)) for text in texts}

        return self._recall("settings", [text.encode() for text in texts], dict[str, Settings], read)

    @cached_property
    def graph(self) -> "Graph":
        """The stages of dvc.yaml, in order. Raises ConfigError for what is wrong or not supported."""
        from morphseq_manifest.tracker.dvc import definition
        from morphseq_manifest.tracker.dvc.graph import Graph
        from morphseq_manifest.tracker.dvc.stages import Stage, resolve

        name = self.name(definition.PIPELINE)
        data = self.content(definition.PIPELINE)
        if data is None:
            raise UnreadableError(f"{name}: not there. Run this in the project's folder")
        sources = [data, self.settings_text.encode()]

        def read() -> list[Stage]:
            return resolve(definition.parse(data, name), self.settings, name)

        return Graph(self._recall("stages", sources, list[Stage], read))

    def _recall(self, name: str, sources: Sequence[bytes], kind: type[_Made], make: Callable[[], _Made]) -> _Made:
        """What was made of the working tree's files lies ready for the next time; of a commit's it is made anew."""
        return make() if self.commit else memo.recall(self.root, name, sources, kind, make)
