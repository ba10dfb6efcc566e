"""Two sides' dvc.lock, merged stage by stage.

An entry says with what a stage made what, and DVC compares it with what is there: one that is not of the merged
project is seen, and its stage runs again. So of a stage that works for all, such as a table of them, ours will do.
"""

from morphseq_manifest.base.conflicts import marked
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.merging import Merged, Sides, merge
from morphseq_manifest.tracker.dvc import lock_reading, lock_writing


def merged(base: str, ours: str, theirs: str, name: str, size: int) -> Merged:
    """The merged lock; a stage of a group that both sides ran, with other results, is a conflict, with marks so long.

    `name` is for messages. Raises ContentError for a text that is not a lock in DVC's form.
    """
    stale: list[str] = []

    def settle(stage: str, sides: Sides[str]) -> str | Sides[str] | None:
        if sides.ours is None or sides.theirs is None:
            return sides.ours or sides.theirs  # a record of what ran is right, whether or not somebody has cleaned up
        if "@" in stage:
            return sides
        stale.append(stage)
        return sides.ours

    before = _blocks(base, f"{name} (base)") if base else {}
    entries = merge([before, _blocks(ours, f"{name} (ours)"), _blocks(theirs, f"{name} (theirs)")], settle)
    body = "".join(e if isinstance(e, str) else marked(e.ours or "", e.theirs or "", size) for e in entries.values())
    conflicts = [stage for stage, entry in entries.items() if not isinstance(entry, str)]
    said = f"{', '.join(stale)}: run on both sides: ours stand until they run again"
    return Merged(f"{lock_writing.HEAD}{body}" if body else ours, conflicts, said if stale else "")


def _blocks(text: str, name: str) -> dict[str, str]:
    """The text of each entry. Raises ContentError if it is not in DVC's form, or damaged."""
    found, lock = lock_writing.blocks(text, name), lock_reading.parse(text, name)
    if found.keys() != lock.keys():
        raise ContentError(f"{name}: not in the form that DVC writes")
    return found
