"""The project at one moment: its settings, lock and stages, in the working tree or at a commit."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from morphseq_manifest.base import files, git, memo, sources
from morphseq_manifest.base.conflicts import check_merged
from morphseq_manifest.base.errors import ConfigError, ContentError, UnreadableError
from morphseq_manifest.base.hashing import hash_path
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.base.reading import Stat, stat_of
from morphseq_manifest.base.small_files import SETTLED_NS, read_small
from morphseq_manifest.tracker.dvc import lock_reading, params_file
from morphseq_manifest.tracker.dvc.lock_reading import Lock, StageLock
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.dvc.recorded import Recorded

if TYPE_CHECKING:
    from morphseq_manifest.tracker.dvc.graph import Graph
    from morphseq_manifest.tracker.dvc.stages import Stage
    from morphseq_manifest.tracker.dvc.tracked_data import Tracked

Settings = dict[str, dict[str, Any]]
_Made = TypeVar("_Made")


class _Seen(NamedTuple):
    """A file of settings as it was read, and its stat before that if it tells whether the file changes."""

    stat: Stat | None
    values: dict[str, Any]


class Snapshot:
    """What is recorded in the working tree of `root`, or at the commit `rev`. Nothing is checked out.

    `texts` stand for the content of files in their places. At a commit the files `soon` are read with its id, since
    they will be asked for. Raises as check_links does.
    """

    def __init__(
        self,
        root: Path,
        rev: str | None = None,
        texts: Mapping[Path, bytes] | None = None,
        soon: Sequence[Path] = (),
    ) -> None:
        check_links(root)
        self.root = root
        self._texts = texts or {}
        self._read: Mapping[Path, bytes] = {}
        self.commit: str | None = None
        if rev is not None:
            self.commit, self._read = git.commit_with(root, rev, soon)
        self._parsed: dict[tuple[str, str], dict[str, Any]] = {}
        self._seen: dict[str, _Seen] = {}
        self._alone: dict[str, StageLock | None] = {}
        self.label = "the working tree" if rev is None else rev

    def recorded_in(self, path: Path) -> str | None:
        """The commit that first had a file as it is at this moment; None if it is not committed."""
        commits = git.history(self.root, path, start=self.commit or "HEAD")[:1]
        same = bool(commits) and git.content(self.root, commits[0], path) == self.content(path)
        return commits[0] if same else None

    def content(self, path: Path) -> bytes | None:
        """A file's bytes, by its path in the project; None if it is not there. Raises as check_merged does."""
        if path in self._texts:
            return self._texts[path]
        if self.commit:
            return self._read.get(path) or git.content(self.root, self.commit, path)
        try:
            data = files.fetched(read_small(self.root / path), self.root / path)
            return check_merged(data, path, self.root)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableError(f"{self.root / path}: can't be read ({error.strerror})") from error

    def names_in(self, folder: Path) -> set[str]:
        """The names in a folder; none if it is not there. Raises UnreadableError if it can't be listed."""
        given = {path.name for path in self._texts if path.parent == folder}
        if self.commit:
            listed = git.run(self.root, "ls-tree", "-z", "--name-only", self.commit, "--", f"{folder.as_posix()}/")
            return given | {Path(os.fsdecode(name)).name for name in (listed or b"").split(b"\0") if name}
        sources.add(self.root / folder)
        try:
            return given | set(os.listdir(self.root / folder))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return given
        except OSError as error:
            raise UnreadableError(f"{self.root / folder}: can't be listed ({error.strerror})") from error

    def text(self, path: Path) -> str | None:
        """A file's text; None if it is not there. Raises ContentError if it is not UTF-8."""
        data = self.content(path)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError as error:
            remedy = f"Restore it: `git checkout {path}`" if path.name == lock_reading.LOCK.name else "Save it as UTF-8"
            raise ContentError(f"{self.name(path)}: not UTF-8 at byte {error.start}. {remedy}") from error

    def name(self, path: Path) -> str:
        """How messages name a file of this moment."""
        return f"{path} at {self.label}" if self.commit else str(self.root / path)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings in params.yaml; none if there is no such file. Raises as params_file.parse does."""
        text, path = self.settings_text, Path(self.name(PARAMS))
        return self.recall("params", [text.encode()], dict[str, Any], lambda: params_file.parse(text, path))

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
        return self.recall(
            "lock", [text.encode()], Lock, lambda: lock_reading.parse(text, self.name(lock_reading.LOCK))
        )

    def entry(self, stage: str) -> StageLock | None:
        """One stage of the lock; None if it is not in it. Of a commit, nothing else is read. Raises as `lock`."""
        if not self.commit:
            return self.lock.get(stage)
        if stage not in self._alone:
            text = self.text(lock_reading.LOCK)
            name = self.name(lock_reading.LOCK)
            self._alone[stage] = None if text is None else lock_reading.parse_stage(text, name, stage)
        return self._alone[stage]

    @cached_property
    def locked_settings(self) -> dict[str, Settings]:
        """The settings that stages ran with, by the text that dvc.lock has of them: most have the same."""
        texts = sorted({entry.params_text for entry in self.entries.values()})

        def read() -> dict[str, Settings]:
            return {text: lock_reading.parse_settings(text, self.name(lock_reading.LOCK)) for text in texts}

        return self.recall("settings", [text.encode() for text in texts], dict[str, Settings], read)

    @cached_property
    def graph(self) -> "Graph":
        """The stages of dvc.yaml, in order. Raises ConfigError for what is wrong or not supported."""
        from morphseq_manifest.tracker.dvc import config, definition
        from morphseq_manifest.tracker.dvc.graph import Graph
        from morphseq_manifest.tracker.pipeline_reading import stages_in

        name = self.name(definition.PIPELINE)
        data = self.content(definition.PIPELINE)
        others = self._others
        if data is None and (others or self._is_new()):
            data = b""  # all is in folders, or nothing is there yet
        if data is None:
            raise UnreadableError(f"{name}: not there. Restore it, or run this in the project's folder")
        style = config.read(self.root).style
        stages, made_of = stages_in(self, definition.PIPELINE.name, data, style)
        if others:
            from morphseq_manifest.tracker.dvc.resolving import check_outputs

            stages = [*stages, *(stage for path in others for stage in self._stages_in(path, style))]
            check_outputs(stages, name)
        if others or made_of is None:
            return Graph(stages)
        return Graph(stages, self.recall("before", made_of, dict[str, list[str]], lambda: Graph(stages).before))

    def _is_new(self) -> bool:
        """Whether this is a project of DVC's in which nothing has run, so that it need not have a pipeline."""
        return self.commit is None and self.content(lock_reading.LOCK) is None and (self.root / ".dvc").is_dir()

    @cached_property
    def _others(self) -> list[str]:
        """Further files of DVC's: pipelines in folders, and `.dvc` files; at a commit they are not looked at."""
        from morphseq_manifest.tracker.dvc import config, project_files

        return [] if self.commit else project_files.others(self.root, not config.read(self.root).no_scm)

    def _stages_in(self, path: str, style: Mapping[str, str]) -> "list[Stage]":
        """The stages of a pipeline in a folder; the one of a `.dvc` file."""
        from morphseq_manifest.tracker.dvc import project_files
        from morphseq_manifest.tracker.pipeline_reading import stages_in

        if project_files.is_data(path):
            return [self._data[path].stage]
        return stages_in(self, path, self.content(Path(path)) or b"", style)[0]

    @cached_property
    def _data(self) -> "dict[str, Tracked]":
        """What `.dvc` files track, by their paths."""
        from morphseq_manifest.tracker.dvc import project_files

        paths = [path for path in self._others if project_files.is_data(path)]
        if not paths:
            return {}
        from morphseq_manifest.tracker.dvc import tracked_data

        return {
            path: tracked_data.parse(self.content(Path(path)) or b"", path, self.name(Path(path))) for path in paths
        }

    def filled_in_from(self, path: str) -> Mapping[str, Any]:
        """The settings in a file that dvc.yaml has filled in. Raises ConfigError if it is not there."""
        found = self.settings_of(path)
        if found is None and path != str(PARAMS):
            raise ConfigError(f"dvc.yaml: `vars` names {self.name(Path(path))}, which is not there. Restore it")
        return found or {}

    def settings_of(self, path: str) -> Mapping[str, Any] | None:
        """The settings in a file as it is now; None if it is not there. Raises as params_file.parse_any does."""
        if path == str(PARAMS) and PARAMS not in self._texts:
            return self.settings if self.settings_text or self.content(PARAMS) is not None else None
        seen = None if self.commit or Path(path) in self._texts else _settled(f"{self.root}/{path}")
        if seen and path in self._seen and self._seen[path].stat == seen:
            return self._seen[path].values
        text, name = self.text(Path(path)), Path(self.name(Path(path)))
        if text is None:
            return None
        key = (name.suffix, text)  # many stages' own files are the same
        if key not in self._parsed:
            self._parsed[key] = self.recall(
                f"settings.{hash_path(path)}", [text.encode()], dict[str, Any],
                lambda: params_file.parse_any(text, name),
            )  # fmt: skip
        self._seen[path] = _Seen(seen, self._parsed[key])
        return self._parsed[key]

    @cached_property
    def entries(self) -> Lock:
        """The lock, with all paths from the project's folder, those too that stages record from folders of theirs."""
        stages = [stage for stage in self.graph.stages.values() if stage.written and stage.name in self.lock]
        found = self.lock | {stage.name: _placed(self.lock[stage.name], stage) for stage in stages}
        found |= {path: StageLock("", {}, tracked.outs, "") for path, tracked in self._data.items()}
        for path in self._others:
            if path not in self._data:
                found |= self._entries_beside(Path(path))
        return found

    def _entries_beside(self, pipeline: Path) -> Lock:
        """The entries in the dvc.lock of a pipeline in a folder."""
        place = pipeline.with_name(lock_reading.LOCK.name)
        text = self.text(place)
        lock = {} if text is None else lock_reading.parse(text, self.name(place))
        stages = [stage for stage in self.graph.stages.values() if stage.file == str(pipeline)]
        return {s.name: _placed(lock[s.lock_name], s) for s in stages if s.lock_name in lock}

    def recall(self, name: str, sources: Sequence[bytes], kind: type[_Made], make: Callable[[], _Made]) -> _Made:
        """What was made of the working tree's files lies ready for the next time; of a commit's it is made anew."""
        return make() if self.commit else memo.recall(self.root, name, sources, kind, make)


def _settled(path: str) -> Stat | None:
    """The stat of a file that was there before; None if it changed just now, or can't be looked at."""
    try:
        seen = stat_of(os.stat(path))  # noqa: PTH116 - a path object takes longer than the stat
    except OSError:
        return None
    return seen if seen.ctime_ns < time.time_ns() - SETTLED_NS else None


def _placed(entry: StageLock, stage: "Stage") -> StageLock:
    """A stage's entry by paths from the project's folder; what is recorded in another spelling counts as not there."""
    present = {path: stage.as_written(path) for path in stage.paths()}

    def moved(recorded: Mapping[str, Recorded]) -> dict[str, Recorded]:
        placed = [(stage.placed(written), written) for written in recorded]
        return {path: recorded[written] for path, written in placed if present.get(path, written) == written}

    return StageLock(entry.cmd, moved(entry.deps), moved(entry.outs), entry.params_text)
