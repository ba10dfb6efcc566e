"""What the tests of this room share: where the frames are, and one look at them."""

from pathlib import Path

from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace

DATA = "data/frames"


def look(root: Path, threads: int = 1) -> dict[str, Content]:
    """What a command that starts anew finds."""
    found = Workspace(root, threads)
    try:
        return dict(found.look([DATA, "data/table.csv", "data/nothing"]))
    finally:
        found.save()
