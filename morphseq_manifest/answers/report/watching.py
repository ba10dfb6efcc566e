"""Writing the page, once or as long as a run goes on."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from morphseq_manifest.answers.report import page
from morphseq_manifest.answers.report.report import report
from morphseq_manifest.base import files
from morphseq_manifest.tracker.dvc import project_lock


def written(
    root: Path, experiments: Sequence[str], wells: int | None, output: Path, renewed_s: int | None = None
) -> Iterator[int]:
    """Write the page to `output`, a link there being replaced; yields how many bytes it has.

    If `renewed_s`, it is written so often, if it has changed, until no process works on the project; the last one does
    not load itself again. Raises as `report` does.
    """
    before = None
    while True:
        busy = renewed_s is not None and project_lock.is_worked_on(root)
        made = page.render(report(root, experiments, wells), renewed_s if busy else None)
        if made != before:
            with files.replacing(output.absolute(), durable=False, follow=False) as temporary:
                temporary.write_bytes(made)
            yield len(made)
        if not busy or renewed_s is None:
            return
        before = made
        time.sleep(renewed_s)
