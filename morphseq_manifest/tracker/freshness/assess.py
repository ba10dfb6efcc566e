"""The verdict on every stage, from the files as they are now: what `dvc status` would say, at the speed of stat."""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from morphseq_manifest.base import memo, sources
from morphseq_manifest.base.errors import ConfigError, MorphseqError
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.dvc.stages import Stage, is_outside, parents
from morphseq_manifest.tracker.freshness.verdict import Verdict, judge, settings_changed
from morphseq_manifest.tracker.snapshot import Snapshot

if TYPE_CHECKING:
    from morphseq_manifest.tracker.disk.workspace import Workspace
    from morphseq_manifest.tracker.dvc.ignoring import Ignore


def assess(snapshot: Snapshot, workspace: "Workspace", names: Iterable[str] | None = None) -> dict[str, Verdict]:
    """The verdict on the stages `names`, or all, an earlier stage before a later one.

    Raises as the snapshot does for stages and lock, and ConfigError if a path is one that DVC ignores. A file of
    settings that can't be read is a trouble of the stages that depend on it.
    """
    graph, lock = snapshot.graph, snapshot.entries
    wanted = set(graph.stages if names is None else names)
    stages = [stage for name, stage in graph.stages.items() if name in wanted]
    check_ignored(snapshot, workspace)
    try:
        contents = workspace.look(path for stage in stages for path in stage.paths())
    finally:
        workspace.save()  # after Ctrl-C too: what was read need not be read again
    cached = [
        recorded.kept
        for stage in stages
        if (entry := lock.get(stage.name))
        for out in stage.outs
        if out.cache and (recorded := entry.outs.get(out.path))
    ]
    held = workspace.held(cached)
    settings = SettingsChanged(snapshot)
    verdicts = {}
    for stage in stages:
        changed, troubles = settings.of_any(stage)
        verdict = judge(stage, lock.get(stage.name), contents, held, changed, workspace.legacy_md5)
        verdicts[stage.name] = verdict if not troubles else replace(verdict, troubles=[*verdict.troubles, *troubles])
    return verdicts


def _left_out(paths: Iterable[str], ignore: "Ignore") -> Iterator[str]:
    """The paths that the rules leave out, be they files or folders."""
    yield from (path for path in paths if ignore.leaves_out(path) or ignore.leaves_out(path, True))


class SettingsChanged:
    """The settings of stages that are not as recorded; told once for all that have the same of params.yaml."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known: dict[tuple[str, ...], dict[str, str]] = {}

    def of(self, stage: Stage) -> dict[str, str]:
        """Those of one stage, as settings_changed has them."""
        entry = self._snapshot.entries.get(stage.name)
        text = entry.params_text if entry else ""
        key = (text, *stage.params.get(PARAMS.name, ()))
        if stage.params.keys() - {PARAMS.name} or stage.written or not stage.params.get(PARAMS.name):
            return self._told(stage, text)  # another file may be made by a stage meanwhile
        if key not in self._known:
            self._known[key] = self._told(stage, text)
        return self._known[key]

    def of_any(self, stage: Stage) -> tuple[dict[str, str], list[str]]:
        """The same, and why a file of them can't be read: of the others, the stage tells nothing then."""
        try:
            return self.of(stage), []
        except MorphseqError as error:
            return {}, [] if stage.frozen else [str(error)]

    def _told(self, stage: Stage, text: str) -> dict[str, str]:
        locked = self._snapshot.locked_settings.get(text, {})
        return settings_changed(stage.params, locked, self._snapshot.settings_of, stage.as_written)


def check_ignored(snapshot: Snapshot, workspace: "Workspace") -> None:
    """Raise ConfigError if DVC would take no notice of a path, or goes by rules that are not looked at here."""
    stages = snapshot.graph.stages.values()
    _check_outside(snapshot, stages)
    nearest = {path.rpartition("/")[0] for stage in stages for path in stage.paths() if not is_outside(path)}
    folders = nearest | {parent for folder in nearest for parent in parents(folder)}
    paths = sorted({path for stage in stages for path in (*stage.paths(), *stage.params)})
    made_of = [workspace.ignore.text, "\0".join(paths).encode(errors="surrogateescape")]
    left_out = memo.recall(snapshot.root, "left-out", made_of, list[str], lambda: [*_left_out(paths, workspace.ignore)])
    if left_out:
        raise ConfigError(
            f"{snapshot.root / '.dvcignore'}: leaves out {left_out[0]}, which a stage reads or makes: for DVC it is "
            "not there. Take the rule out"
        )
    sources.add_all(f"{snapshot.root}/{folder}/.dvcignore" for folder in folders if folder)
    for folder in sorted(folders - {""}):
        if workspace.ignore.leaves_out(folder, True) or (snapshot.root / folder / ".dvcignore").exists():
            raise ConfigError(
                f"{snapshot.root / folder}: a .dvcignore there, or one that leaves it out, is not supported, since "
                "stages read or write in it. Put the rules into the project's own .dvcignore, for other paths"
            )


def _check_outside(snapshot: Snapshot, stages: Iterable[Stage]) -> None:
    """Raise ConfigError for a dependency that is in the project, and written as if it were not: who makes it?"""
    outside = {path: stage.name for stage in stages for path in stage.deps if is_outside(path)}
    if not outside:
        return
    top = os.path.realpath(snapshot.root)
    for path, name in outside.items():
        place = os.path.realpath(snapshot.root / path)
        if f"{top}/".startswith(f"{place}/"):
            raise ConfigError(
                f"{snapshot.root}: stage {name} depends on {path}, which the project is in. Name a part of it"
            )
        if f"{place}/".startswith(f"{top}/"):
            raise ConfigError(
                f"{snapshot.root}: stage {name} depends on {path}, which is in the project: "
                f"write {os.path.relpath(place, top)}"
            )
