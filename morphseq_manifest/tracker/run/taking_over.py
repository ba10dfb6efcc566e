"""Recording what is there of stages as if they had made it: what `dvc commit -f` does, without running anything."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from morphseq_manifest.base.errors import MorphseqError, described
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc import project_lock
from morphseq_manifest.tracker.dvc.lock_entries import Entry, write
from morphseq_manifest.tracker.dvc.lock_reading import LOCK
from morphseq_manifest.tracker.dvc.lock_writing import LockWriter
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.git_ignoring import GitIgnoring
from morphseq_manifest.tracker.run.recording import Recorder
from morphseq_manifest.tracker.snapshot import Snapshot

Told = Callable[[Stage, Entry], None]


def record(root: Path, names: Sequence[str], told: Told) -> Iterator[tuple[str, str | None]]:
    """Record these stages of dvc.yaml one by one; yields each, and why it could not be recorded, or None.

    One that is recorded already is left as it is. Of each other one, `told` hears before dvc.lock is written, so that
    none is there of which it has not heard; what was recorded stays if this is ended. Raises as check_links does,
    BusyError if another process works on the project, and as Snapshot does.
    """
    check_links(root)
    with project_lock.held(root, 0):
        snapshot, workspace = Snapshot(root), Workspace(root)
        wanted = set(names)
        order = [name for name in snapshot.graph.as_dvc_runs(names) if name in wanted]
        stages = [snapshot.graph.stages[name] for name in order if name not in snapshot.entries]
        ignoring = GitIgnoring(root, stages, scm=not workspace.dvc_cache.config.no_scm)
        recorder = Recorder(root, workspace, snapshot.settings_of, ignoring)
        writer = LockWriter((root / LOCK).parent, order)
        for stage in stages:
            try:
                entry = _entry(stage, workspace, recorder)
            except MorphseqError as error:
                yield stage.name, str(error)
                continue
            except OSError as error:
                yield stage.name, described(error)
                continue
            told(stage, entry)
            writer.add(stage.lock_name, write(entry, stage.lock_name))
            writer.write()
            yield stage.name, None


def _entry(stage: Stage, workspace: Workspace, recorder: Recorder) -> Entry:
    try:
        contents = workspace.look_again(stage.paths())
    finally:
        workspace.save()  # after Ctrl-C too: what was read need not be read again
    for path in stage.deps:
        if contents[path].md5 is None:
            raise MorphseqError(contents[path].trouble or f"{path}: not there")
    return recorder.made(stage, recorder.asked(stage, contents), None, contents)
