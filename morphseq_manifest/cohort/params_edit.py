"""Editing params.yaml while nobody else works on the project: read, changed and written in one step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc import project_lock
from morphseq_manifest.tracker.dvc.params_file import PARAMS


@contextmanager
def editing(root: Path) -> Iterator[tuple[CohortSnapshot, Callable[[str], None]]]:
    """The project as it is in this block, in which nobody else runs or edits it, and what writes another params.yaml.

    Raises BusyError if somebody does, and as check_links does.
    """
    check_links(root)

    def write(text: str) -> None:
        files.write_bytes(root / PARAMS, text.encode())

    with project_lock.held(root, 0):
        yield CohortSnapshot(root), write
