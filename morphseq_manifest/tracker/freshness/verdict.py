"""What `dvc status` says of every stage: which of its dependencies, settings and outputs are not as recorded."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.dvc.lock_reading import Recorded, StageLock
from morphseq_manifest.tracker.dvc.params_file import PARAMS, find
from morphseq_manifest.tracker.dvc.stages import Stage


class Verdict(msgspec.Struct, frozen=True):
    """What is not as recorded of one stage, in DVC's words; an empty one is up to date as far as it goes itself.

    `deps` and `outs` by path: modified, deleted, not in cache. `settings` by dotted name: modified, deleted, new.
    `troubles` say what could not be determined: such a stage is never up to date.
    """

    deps: dict[str, str] = {}
    settings: dict[str, str] = {}
    outs: dict[str, str] = {}
    command: bool = False
    always: bool = False
    troubles: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.deps or self.settings or self.outs or self.command or self.always or self.troubles)

    def brief(self, shown: int = 3) -> str:
        """In a few words, what is not as recorded."""
        parts = [f"{path} {what}" for part in (self.deps, self.outs) for path, what in part.items()]
        parts += [f"{name or 'settings'} {what}" for name, what in self.settings.items()]
        parts += ["its command changed"] * self.command + ["it always runs"] * self.always
        more = f" and {len(parts) - shown} more" if len(parts) > shown else ""
        return ", ".join(parts[:shown]) + more

    def as_dvc(self) -> list[Any]:
        """The same as `dvc status --json` has it."""
        entries: list[Any] = []
        params = {PARAMS.name: "new" if "" in self.settings else self.settings} if self.settings else {}
        if self.deps or params:
            entries.append({"changed deps": self.deps | params})
        if self.outs:
            entries.append({"changed outs": self.outs})
        return entries + ["always changed"] * self.always + ["changed command"] * self.command


def judge(
    stage: Stage,
    entry: StageLock | None,
    contents: Mapping[str, Content],
    held: Mapping[str, bool],
    settings: dict[str, str],
) -> Verdict:
    """Compare a stage with its entry in dvc.lock.

    `contents` is what is at each path; `held` says of the md5 of cached outputs whether DVC's cache holds it;
    `settings` are those of the stage that are not as recorded.
    """
    deps = {} if stage.frozen else _differences(stage.deps, entry.deps if entry else {}, contents)
    outs = _differences([out.path for out in stage.outs], entry.outs if entry else {}, contents)
    for out in stage.outs:
        recorded = entry.outs.get(out.path) if entry else None
        if recorded and out.cache and not held[recorded.md5]:
            outs[out.path] = "not in cache"
    paths = [*([] if stage.frozen else stage.deps), *(out.path for out in stage.outs)]
    return Verdict(
        deps=deps,
        settings={} if stage.frozen else settings,
        outs=outs,
        command=entry is not None and entry.cmd != stage.cmd,
        always=stage.always_changed or not (stage.deps or stage.params or stage.outs),
        troubles=[trouble for path in paths if (trouble := contents[path].trouble)],
    )


def _differences(
    paths: Iterable[str], recorded: Mapping[str, Recorded], contents: Mapping[str, Content]
) -> dict[str, str]:
    differences = {}
    for path in paths:
        content, before = contents[path], recorded.get(path)
        if content.is_absent:
            differences[path] = "deleted"
        elif content.trouble is None and (before is None or before.md5 != content.md5):
            differences[path] = "modified"
    return differences


def settings_changed(names: list[str], locked: dict[str, dict[str, Any]], values: Mapping[str, Any]) -> dict[str, str]:
    """The settings that are not as recorded; under an empty name where none was recorded at all."""
    if not names:
        return {}
    before = locked.get(PARAMS.name)
    if before is None:
        return {"": "new"}
    changed = {}
    for name in names:
        there, value = find(values, name)
        if not there:
            changed[name] = "deleted"
        elif name not in before:
            changed[name] = "new"
        elif value != before[name]:
            changed[name] = "modified"
    return changed
