"""What killed commands left half-written: deleted by the next run."""

import os
from collections.abc import Iterator
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.tracker.dvc.stages import Stage


def sweep(root: Path, cache: Path, stages: Iterator[Stage]) -> None:
    """Delete temporary files whose process is gone: of our own, in DVC's cache in `cache`, and where stages write."""
    own = [Path(folder) for folder, _, _ in os.walk(root / files.OWN)]
    shelves = [folder for folder in _folders(cache / "files/md5")]
    made = {(root / out.path).parent for stage in stages for out in stage.outs}
    for folder in {root, root / files.OWN.parent, *own, *shelves, cache / "runs", *made}:
        files.sweep(folder)


def _folders(folder: Path) -> Iterator[Path]:
    try:
        yield from (Path(entry.path) for entry in os.scandir(folder) if entry.is_dir())
    except OSError:
        return
