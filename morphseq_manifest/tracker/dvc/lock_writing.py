"""dvc.lock, written in batches: in one step, and in the order in which `dvc repro` would have written it.

Its stages are exchanged as texts. A lock in another form than DVC's, with comments for instance, is first written anew
by the YAML library, as DVC does it at each stage.
"""

import io
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from morphseq_manifest.base import files, yaml_text
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.tracker.dvc.lock_reading import LOCK

HEAD = "schema: '2.0'\nstages:\n"
_STAGE = re.compile(r"^  (?=\S)", re.MULTILINE)
# A whole quoted text, of one line or several, behind its key or in a list.
_QUOTED = re.compile(r"""^ *(?:- )?(?:[^'"#\n]+: )?(?:'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")$""", re.MULTILINE | re.DOTALL)


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
        old = _plain(before)
        if old is None:
            text = self._exchanged(before)
        else:
            merged = old | self._new
            first, added = self._in_order(old, merged)
            text = HEAD + "".join(merged[name] for name in [*first, *added])
        if text != before:
            files.write_bytes(self._path, text.encode())
        self._new = {}

    def _in_order(self, old: Collection[str], merged: Iterable[str]) -> tuple[list[str], list[str]]:
        """The stages that were there first, and what the run adds: in DVC's order, however they happened to end."""
        first = self._first = set(old) if self._first is None else self._first
        added = [name for name in merged if name not in first]
        added.sort(key=lambda name: (self._place.get(name, len(self._place)), name))
        return [name for name in merged if name in first], added

    def _exchanged(self, before: str) -> str:
        """A lock in another form with what was added, as DVC writes it: comments stay where the stage does."""
        lock = _loaded(before, str(self._path))
        stages = lock.setdefault("stages", {})
        new = _loaded(f"{HEAD}{''.join(self._new.values())}", str(self._path))["stages"]
        _, added = self._in_order([*stages], [*stages, *(new.keys() - stages.keys())])
        for name in new:
            if name in stages:
                stages[name] = new[name]
        for name in added:
            stages[name] = new[name] if name in new else stages.pop(name)
        return _dumped(lock)

    def _read(self) -> str:
        if not self._path.exists():
            return ""
        return _read(self._path)


def drop(root: Path, names: Collection[str]) -> None:
    """Take stages out of the lock of the project in `root`, all else as it stands. Raises as LockWriter does."""
    path = root / LOCK
    text = _read(path) if names else ""
    found = blocks(text, str(path))
    if kept := {name: block for name, block in found.items() if name not in names}:
        files.write_bytes(path, (HEAD + "".join(kept.values())).encode())
    elif found:
        files.write_bytes(path, b"schema: '2.0'\n")


def blocks(text: str, name: str) -> dict[str, str]:
    """The text of each stage in the text of a lock, by stage. Raises ContentError if DVC does not write it so."""
    found = _plain(text)
    if found is None and text.endswith("\n"):
        found = _plain(_dumped(_loaded(text, name)))
    if found is None:
        raise ContentError(
            f"{name}: cut short, or has comments or an order that DVC does not write, which can't be kept here. "
            "Restore it: `git checkout dvc.lock`; or delete the comments and put `schema` first"
        )
    return found


def _read(path: Path) -> str:
    """The text of a lock; ends of lines and a mark at the beginning as DVC reads them."""
    text = files.read_text(path, "Run again if it can", "Restore it: `git checkout dvc.lock`")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _plain(text: str) -> dict[str, str] | None:
    """The text of each stage; None if DVC does not write it so."""
    if not text:
        return {}
    head, *parts = _STAGE.split(text)
    if head not in {HEAD, HEAD.partition("\n")[0] + "\n"} or not text.endswith("\n") or _is_commented(text):
        return None
    found = {_name(title): block for block in parts if (title := _title(block))}
    return {name: f"  {block}" for name, block in found.items()} if len(found) == len(parts) else None


def _is_commented(text: str) -> bool:
    """Whether there may be comments in it: in a quoted text, such as a command, a # is none."""
    return "\n#" in text or (" #" in text and " #" in _QUOTED.sub("", text))


def _title(block: str) -> str:
    """The title of a stage as it is written; empty if it is written otherwise."""
    line = block.partition("\n")[0]
    return line[:-1] if line.endswith(":") and line[0] not in '"?&!' else ""


def _loaded(text: str, name: str) -> Any:
    """A lock with its comments. Raises ContentError if it is none."""
    try:
        return yaml_text.load_with_comments(text)
    except yaml_text.NotYamlError as error:
        raise ContentError(f"{name}{error.where}: damaged: {error}. Restore it: `git checkout dvc.lock`") from error


def _dumped(lock: Any) -> str:
    yaml = yaml_text.new()
    yaml.default_flow_style = False
    out = io.StringIO()
    yaml.dump(lock, out)
    return out.getvalue()


def _name(text: str) -> str:
    return text[1:-1].replace("''", "'") if text.startswith("'") else text
