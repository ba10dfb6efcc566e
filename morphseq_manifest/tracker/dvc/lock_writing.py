"""dvc.lock, written in batches: in one step, and in the order in which `dvc repro` would have written it."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.tracker.dvc.lock_reading import LOCK

HEAD = "schema: '2.0'\nstages:\n"
_STAGE = re.compile(r"^  (?=\S)", re.MULTILINE)


class LockWriter:
    """The lock of the project in `root`; `order` is that of new stages. Raises ContentError for one of another form."""

    def __init__(self, root: Path, order: Sequence[str]) -> None:
        self._path = root / LOCK
        self._place = {name: number for number, name in enumerate(order)}
        self._new: dict[str, str] = {}
        self._first: set[str] | None = None

    def add(self, name: str, text: str) -> None:
        """Record a stage at the next writing; `text` is its YAML, two spaces in."""
        self._new[name] = text

    @property
    def has_news(self) -> bool:
        """Whether anything waits to be written."""
        return bool(self._new)

    def write(self) -> None:
        """Write what was added into the lock as it stands in the folder now."""
        before = self._read()
        old = blocks(before, str(self._path))
        self._first = set(old) if self._first is None else self._first
        merged = old | self._new
        # What the run adds comes last, in DVC's order, however the stages happened to end.
        first = self._first
        added = sorted(merged.keys() - first, key=lambda name: (self._place.get(name, len(self._place)), name))
        ordered = [merged[name] for name in merged if name in first] + [merged[name] for name in added]
        text = HEAD + "".join(ordered)
        if text != before:
            files.write_bytes(self._path, text.encode())
        self._new = {}

    def _read(self) -> str:
        if not self._path.exists():
            return ""
        return files.read_text(self._path, "Run again if it can", "Restore it: `git checkout dvc.lock`")


def drop(root: Path, names: Collection[str]) -> None:
    """Take stages out of the lock of the project in `root`, all else as it stands. Raises as LockWriter does."""
    path = root / LOCK
    text = files.read_text(path, "Run again if it can", "Restore it: `git checkout dvc.lock`") if names else ""
    found = blocks(text, str(path))
    if kept := {name: block for name, block in found.items() if name not in names}:
        files.write_bytes(path, (HEAD + "".join(kept.values())).encode())
    elif found:
        files.write_bytes(path, b"schema: '2.0'\n")


def blocks(text: str, name: str) -> dict[str, str]:
    """The text of each stage in the text of a lock, by stage. Raises ContentError if DVC does not write it so."""
    if not text:
        return {}
    head, *parts = _STAGE.split(text)
    if head not in {HEAD, HEAD.partition("\n")[0] + "\n"} or not text.endswith("\n"):
        raise ContentError(f"{name}: not in the form that DVC writes. Write it anew with `dvc commit`")
    return {_name(block.partition(":\n")[0]): f"  {block}" for block in parts}


def _name(text: str) -> str:
    return text[1:-1].replace("''", "'") if text.startswith("'") else text
