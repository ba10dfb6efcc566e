"""The stages of a run that are as recorded, told at once by stats: none of these needs an attempt."""

from collections.abc import Iterable, Iterator, Mapping

from morphseq_manifest.base.errors import MorphseqError, UnreadableError
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.dvc.lock_reading import StageLock
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.freshness.assess import SettingsChanged
from morphseq_manifest.tracker.freshness.verdict import judge
from morphseq_manifest.tracker.run.attempt import Means


def as_recorded(stages: Iterable[Stage], means: Means) -> set[str]:
    """The names of those stages that are up to date now as far as they go themselves, and as far as stats tell it.

    An attempt at one of the others may find it up to date too, once it has read its files, or will say what is wrong.
    """
    entries = means.snapshot.entries
    known = [(stage, entries[stage.name]) for stage in stages if stage.name in entries]
    contents = means.workspace.told_by_stats(path for stage, _ in known for path in stage.paths())
    told = [(stage, entry) for stage, entry in known if all(path in contents for path in stage.paths())]
    try:
        held = means.workspace.held([kept for stage, entry in told for kept in _kept(stage, entry)])
    except UnreadableError:
        return set()
    return {
        stage.name
        for stage, entry in told
        if stage.name not in means.forced and _is_fine(stage, entry, contents, held, means.settings)
    }


def _is_fine(
    stage: Stage,
    entry: StageLock,
    contents: Mapping[str, Content],
    held: Mapping[str, bool],
    settings: SettingsChanged,
) -> bool:
    try:
        return not judge(stage, entry, contents, held, settings.of(stage), _not_known)
    except MorphseqError:
        return False


def _kept(stage: Stage, entry: StageLock) -> Iterator[str]:
    """What DVC's cache is to hold of a stage."""
    return (entry.outs[out.path].kept for out in stage.outs if out.cache and out.path in entry.outs)


def _not_known(_path: str) -> None:
    """The md5 by which DVC 2 knew a file: to tell it, the file is read."""
