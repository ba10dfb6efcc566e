"""Why one stage is not up to date, down to the file, the setting, or the experiment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from morphseq_manifest.answers import changes
from morphseq_manifest.answers.changes import Change
from morphseq_manifest.answers.provenance import membership
from morphseq_manifest.answers.provenance.membership import Membership
from morphseq_manifest.answers.why import recorded_files
from morphseq_manifest.answers.why.interpolated import FilledIn
from morphseq_manifest.answers.why.recorded_files import ListedFrames, Listing
from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.cohort import earlier_manifest
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.cohort.manifests.images_manifest import parse as parse_manifest
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.cohort.tables import TABLES
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.lock_reading import StageLock
from morphseq_manifest.tracker.dvc.params_file import PARAMS, find
from morphseq_manifest.tracker.dvc.recorded import Recorded
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness.steps import Step
from morphseq_manifest.tracker.freshness.verdict import file_of


class Causes:
    """What can be said of the stages in `steps`; files are looked at through `workspace`."""

    def __init__(self, snapshot: CohortSnapshot, workspace: Workspace, steps: dict[str, Step]) -> None:
        self._snapshot, self._workspace, self._steps = snapshot, workspace, steps
        self._filled_in, self._listed = FilledIn(snapshot), ListedFrames(snapshot)

    def of(self, name: str) -> list[Change]:
        """Why the stage itself, apart from those before it, is not up to date; empty if it is."""
        stage, step = self._snapshot.graph.stages[name], self._steps[name]
        entry = self._snapshot.entries.get(name)
        changed = [Change("trouble", trouble) for trouble in step.verdict.troubles]
        if step.failure:
            changed.append(Change("failure", name, new=step.failure))
        if entry is None:
            is_root = step.verdict and not self._follows_one_that_has_not_run(stage)
            return [*changed, Change("stage", name, new="has not run")] if is_root else changed
        if step.verdict.always:
            changed.append(Change("stage", name, new="always runs, since it depends on nothing or says so"))
        changed += self._definition(stage, entry)
        changed += self._settings(stage, entry, step.verdict.settings)
        for path, what in step.verdict.deps.items():
            if path in entry.deps:
                changed += self._dependency(stage, path, what, entry.deps[path])
        for path, what in step.verdict.outs.items():
            if path in entry.outs:
                changed += self._output(path, what, entry.outs[path])
        return changed

    def _follows_one_that_has_not_run(self, stage: Stage) -> bool:
        """Whether a stage of the same key before it has not run either: that is the cause, be there one key or many."""
        before = self._snapshot.graph.before[stage.name]
        mates = [name for name in before if name in self._steps and self._snapshot.graph.stages[name].key == stage.key]
        return stage.key is not None and any(name not in self._snapshot.entries for name in mates)

    def _definition(self, stage: Stage, entry: StageLock) -> list[Change]:
        """What the stage runs, reads and makes otherwise than it did: for one setting, or as dvc.yaml has it."""
        changed = list(self._paths(stage, entry))
        if entry.cmd != stage.cmd:
            changed.insert(0, Change("command", stage.name, entry.cmd, stage.cmd))
        setting = self._filled_in.changed(stage, entry) if changed else None
        return [setting] if setting else changed

    def _paths(self, stage: Stage, entry: StageLock) -> Iterator[Change]:
        """The dependencies and outputs that it has now and had not, and the other way round."""
        now = {"dependency": stage.deps, "declared output": [out.path for out in stage.outs]}
        for kind, paths in now.items():
            recorded = entry.deps if kind == "dependency" else entry.outs
            yield from (Change(kind, path, new=path) for path in paths if path not in recorded)
            yield from (Change(kind, path, old=path) for path in recorded if path not in paths)

    def _settings(self, stage: Stage, entry: StageLock, changed: dict[str, str]) -> Iterator[Change]:
        for label, what in changed.items():
            file, name = file_of(label, stage.params)
            before = self._snapshot.locked_settings[entry.params_text].get(stage.as_written(file), {})
            if name == "":
                of_file = "all" if file == str(PARAMS) else f"all of {file}"
                yield Change("setting", of_file, new="recorded for the first time" if what == "new" else what)
                continue
            values = self._snapshot.settings_of(file) or {}
            # Of a file that is tracked as a whole, a name may have a dot in it.
            present, new = find(values, name) if stage.params[file] else (name in values, values.get(name))
            if file != str(PARAMS):
                yield Change("setting", label, before.get(name), new)
                continue
            olds, news = ({name: before[name]} if name in before else {}), ({name: new} if present else {})
            if name == "experiments" and self._snapshot.has_experiments:
                yield from changes.compare("experiment", before.get(name) or {}, new or {})
                continue
            for change in changes.settings(olds, news):
                group, _, rest = change.name.partition(".")
                is_version = group == "versions" and rest
                yield Change("version", rest, change.old, change.new) if is_version else change

    def _dependency(self, stage: Stage, path: str, what: str, recorded: Recorded) -> Iterator[Change]:
        makers = [name for name in self._snapshot.graph.makers_of(path) if name in self._steps]
        if any(self._steps[name].verdict for name in makers):
            return  # said of the stage that makes it
        if what == "deleted":
            yield Change("folder" if recorded.nfiles is not None else "file", path, _recorded(recorded), None)
        elif stage.name in TABLES and len(makers) > 1 and self._snapshot.has_experiments:
            yield from self._contributions(stage.name, path, recorded)
        else:
            yield from self._content("result" if makers else "input", path, recorded)

    def _output(self, path: str, what: str, recorded: Recorded) -> Iterator[Change]:
        if what == "not in cache":
            yield Change("cache", path, _recorded(recorded), None)
        elif what == "deleted":
            yield Change("output", path, _recorded(recorded), None)
        else:
            yield from self._content("output", path, recorded)

    def _content(self, kind: str, path: str, recorded: Recorded) -> Iterator[Change]:
        """The files that are others in a folder, or frames in a manifest, where they can be named; else the whole."""
        content = self._workspace.look([path])[path]
        details: list[Change] = []
        if content.nfiles is not None and recorded.nfiles is not None:
            before = self._listed.of_folder(path) if kind == "input" else None
            word = "frame" if before else "stack"
            before = before or recorded_files.stacks(self._snapshot.root, path, recorded)
            details = self._files(word, path, before) if before else []
        elif path.startswith(f"{places.IMAGES}/") and content.md5:
            details = self._frames(path, recorded)
        yield from details or [Change(kind, path, _recorded(recorded), _found(content))]

    def _files(self, kind: str, folder: str, before: Listing) -> list[Change]:
        now: Listing = {
            name: {"size": known.size, "xxh3_128": known.xxh3_128}
            for name, known in self._workspace.members(folder).items()
            if name in before or name != "contents.json"
        }
        return changes.compare(kind, _inside(folder, before), _inside(folder, now))

    def _frames(self, path: str, recorded: Recorded) -> list[Change]:
        before = earlier_manifest.find(self._snapshot, path, recorded)
        data = self._snapshot.content(Path(path))
        if before is None or data is None:
            return []
        try:
            now = parse_manifest(data, path)
        except MorphseqError:
            return []  # damaged: what can be said is that it is another one
        folder = self._listed.folder_of(path)
        old, new = (_inside(folder, recorded_files.of_frames(manifest)) for manifest in (before, now))
        return changes.compare("frame", old, new)

    def _contributions(self, table: str, path: str, recorded: Recorded) -> Iterator[Change]:
        """The experiments that are not in a table as they are now."""
        changed: list[Change] = []
        for item in membership.examine(table, self._snapshot):
            part = item.part.contributed if item.part else None
            if item.state == Membership.REMOVED:
                changed.append(Change("experiment", item.experiment, old=part))
            elif item.part is None:
                changed.append(Change("experiment", item.experiment, new=item.state))
            else:
                changed += [Change(c.kind, f"{item.experiment}: {c.name}", c.old, c.new) for c in item.changes]
        if not changed:
            content = self._workspace.look([path])[path]
            changed = [Change("result", path, _recorded(recorded), _found(content))]
        yield from changed


def _inside(folder: str, listing: Listing) -> dict[str, Any]:
    return {f"{folder}/{name}" if folder else name: content for name, content in listing.items()}


def _recorded(recorded: Recorded) -> dict[str, Any]:
    return _content(recorded.size, recorded.md5, recorded.nfiles)


def _found(content: Content) -> dict[str, Any]:
    return _content(content.size, content.md5, content.nfiles)


def _content(size: int | None, md5: str | None, nfiles: int | None) -> dict[str, Any]:
    return {"size": size, "md5": md5} | ({} if nfiles is None else {"nfiles": nfiles})
