"""Deleting what is left of experiments and models that are no longer listed."""

from collections.abc import Collection
from pathlib import Path

from morphseq_manifest.answers.orphans.report import Kind, Orphan, Report, look
from morphseq_manifest.base import files
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.tracker.dvc import project_lock
from morphseq_manifest.tracker.dvc.lock_writing import drop


def delete(root: Path, asked: Report, names: Collection[str]) -> list[Orphan]:
    """Delete what was asked about and is still left: outputs, entries of dvc.lock, what is kept. Returns that.

    Of an output that is a link, the link alone goes. Raises BusyError if somebody else works on the project.
    """
    check_links(root)
    with project_lock.held(root, 0):
        still = {(orphan.kind, orphan.path) for orphan in look(root, names).deletable}
        gone = [orphan for orphan in asked.deletable if (orphan.kind, orphan.path) in still]
        for orphan in gone:
            if orphan.kind != Kind.ENTRY:
                files.remove(root / orphan.path)
        drop(root, {orphan.path for orphan in gone if orphan.kind == Kind.ENTRY})
    return gone
