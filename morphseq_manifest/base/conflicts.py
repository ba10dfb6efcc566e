"""Files in which git has left the marks of a conflict: what to do about them depends on who writes them."""

import re
from pathlib import Path

from morphseq_manifest.base.errors import ContentError

_MARK = b"<<<<<<< "
# Written by commands: of these, one side will do, and what the other had is made again.
_MADE = {".lock", ".json"}
_BY_HAND = {".yaml", ".yml", ".dvc"}

# Of any length: git makes them longer where it merges what is itself a base of merges.
_CONFLICT = re.compile(r"^<{7,} .*?^>{7,} [^\n]*\n", re.MULTILINE | re.DOTALL)


def marked(ours: str, theirs: str, size: int) -> str:
    """Two texts of whole lines as a conflict, with marks of so many characters, as git leaves them."""
    return f"{'<' * size} ours\n{ours}{'=' * size}\n{theirs}{'>' * size} theirs\n"


def settled(text: str) -> str:
    """The base of a merge without what is in conflict there: it is one where git has first merged several bases."""
    return _CONFLICT.sub("", text)


def check_merged(data: bytes, path: Path, name: str) -> bytes:
    """The bytes of a file, `path` from the project's folder; `name` is for messages.

    Raises ContentError, with a remedy that git takes, if it holds the marks of a conflict.
    """
    if path.suffix not in _MADE | _BY_HAND or not (data.startswith(_MARK) or b"\n" + _MARK in data):
        return data
    line = data[: data.index(_MARK)].count(b"\n") + 1
    remedy = f"Keep what is right of both sides, and take the marks out; then `git add {path}`"
    if path.suffix in _MADE:
        remedy = (
            f"Take one side, `git restore --ours {path}` (or --theirs), and `git add {path}`; "
            "then `morphseq run` makes what is lacking of the other"
        )
    raise ContentError(f"{name}, line {line}: not merged: git has left the marks of a conflict. {remedy}")
