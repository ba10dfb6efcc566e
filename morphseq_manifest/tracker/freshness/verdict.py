"""What `dvc status` says of every stage: which of its dependencies, settings and outputs are not as recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.dvc.lock_reading import StageLock
from morphseq_manifest.tracker.dvc.params_file import PARAMS, find
from morphseq_manifest.tracker.dvc.recorded import Recorded
from morphseq_manifest.tracker.dvc.stages import Stage

_UNSEEN = "not looked at: outside of the project. `morphseq status --remote` has DVC look at it"


class Verdict(msgspec.Struct, frozen=True):
    """What is not as recorded of one stage, in DVC's words; an empty one is up to date as far as it goes itself.

    `deps` and `outs` by path: modified, deleted, not in cache. `settings` as `labelled`: modified, deleted, new.
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
        params: dict[str, Any] = {}
        for label, what in self.settings.items():
            file, name = file_of(label, [label.partition(":")[0]])
            params[file] = {**params.get(file, {}), name: what} if name else what
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
    legacy_md5: Callable[[str], str | None],
) -> Verdict:
    """Compare a stage with its entry in dvc.lock.

    `contents` is what is at each path; `held` says of the md5 of cached outputs whether DVC's cache holds it;
    `settings` are those of the stage that are not as recorded. `legacy_md5` gives that of DVC 2 for a path.
    """
    deps = {} if stage.frozen else _differences(stage.deps, entry.deps if entry else {}, contents, legacy_md5)
    outs = _differences([out.path for out in stage.outs], entry.outs if entry else {}, contents, legacy_md5)
    for out in stage.outs:
        recorded = entry.outs.get(out.path) if entry else None
        if recorded and out.cache and not held[recorded.kept]:
            outs[out.path] = "not in cache"
    paths = [*([] if stage.frozen else stage.deps), *(out.path for out in stage.outs)]
    return Verdict(
        deps=deps,
        settings={} if stage.frozen else settings,
        outs=outs,
        command=entry is not None and entry.cmd != stage.cmd,
        always=stage.always_changed or not (stage.is_data or stage.deps or stage.params or stage.outs or stage.unseen),
        # What the cache lacks is made anew, whatever is at its path: often a link to what was in the cache.
        troubles=[trouble for path in paths if (trouble := contents[path].trouble) and outs.get(path) != "not in cache"]
        + [f"{unseen}: {_UNSEEN}" for unseen in stage.unseen],
    )


def _differences(
    paths: Iterable[str],
    recorded: Mapping[str, Recorded],
    contents: Mapping[str, Content],
    legacy_md5: Callable[[str], str | None],
) -> dict[str, str]:
    differences = {}
    for path in paths:
        content, before = contents[path], recorded.get(path)
        if content.is_absent:
            differences[path] = "deleted"
        elif content.trouble is None and (before is None or before.md5 != content.md5):
            if before is not None and before.legacy and legacy_md5(path) == before.md5:
                continue
            differences[path] = "modified"
    return differences


def settings_changed(
    params: Mapping[str, list[str]],
    locked: Mapping[str, Mapping[str, Any]],
    values: Callable[[str], Mapping[str, Any] | None],
    as_written: Callable[[str], str] = str,
) -> dict[str, str]:
    """The settings that are not as recorded, as `labelled`; under an empty name if none of a file was recorded at all.

    `params` are names by file, `locked` what is recorded by file as dvc.lock writes it, `values` what is in a file now.
    """
    changed: dict[str, str] = {}
    for file, names in params.items():
        now, before = values(file), locked.get(as_written(file))
        if now is None:
            changed[labelled(file, "")] = "deleted"
        elif before is None:
            changed[labelled(file, "")] = "new"
        else:
            changed |= {labelled(file, name): what for name, what in _changed(names, before, now)}
    return changed


def _changed(names: Iterable[str], before: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What became of the settings `names`, or of all, in one file."""
    names = list(names)
    for name in names or dict.fromkeys([*values, *before]):
        there, value = find(values, name) if names else (name in values, values.get(name))
        if not there:
            yield name, "deleted"
        elif name not in before:
            yield name, "new"
        elif (list(value) if isinstance(value, tuple) else value) != before[name]:
            yield name, "modified"


def labelled(file: str, name: str) -> str:
    """How a setting is named: by its dotted name, after the file if that is not params.yaml."""
    return name if file == PARAMS.name else f"{file}:{name}"


def file_of(label: str, files: Iterable[str]) -> tuple[str, str]:
    """The file, of these, and the name of a setting that is `labelled` so."""
    found = [file for file in files if file != PARAMS.name and label.startswith(f"{file}:")]
    file = max(found, key=len, default=PARAMS.name)
    return file, label.removeprefix(f"{file}:") if found else label
