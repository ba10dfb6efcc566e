"""Files in which git has left the marks of a conflict: what to do about them depends on who writes them."""

import re
from pathlib import Path

from morphseq_manifest.base import git
from morphseq_manifest.base.errors import ContentError, UnreadableError

# Where git's configuration says what merges the project's files.
DRIVER = "merge.morphseq.driver"

_MARK = b"<<<<<<< "
# Written by commands: of these, one side will do, and what the other had is made again.
_MADE = {".lock", ".json"}
_BY_HAND = {".yaml", ".yml", ".dvc"}

# Of any length: git makes them longer where it merges what is itself a base of merges.
_OPEN, _CLOSED = re.compile("(<{7,}) "), re.compile("(>{7,}) ")


def marked(ours: str, theirs: str, size: int) -> str:
    """Two texts of whole lines as a conflict, with marks of so many characters, as git leaves them."""
    return f"{'<' * size} ours\n{ours}{'=' * size}\n{theirs}{'>' * size} theirs\n"


def settled(text: str) -> str:
    """The base of a merge without what is in conflict there: it is one where git has first merged several bases."""
    kept, size = [], 0
    for line in text.splitlines(keepends=True):
        if not size and (mark := _OPEN.match(line)):
            size = len(mark[1])
        if not size:
            kept.append(line)
        elif (mark := _CLOSED.match(line)) and len(mark[1]) == size:
            size = 0
    return "".join(kept)


def check_merged(data: bytes, path: Path, root: Path) -> bytes:
    """The bytes of the file at `path` from the project's folder `root`.

    Raises ContentError, with a remedy that git takes, if it holds the marks of a conflict.
    """
    if path.suffix not in _MADE | _BY_HAND or not (data.startswith(_MARK) or b"\n" + _MARK in data):
        return data
    before, _, after = data.partition(_MARK)
    line, is_ours = before.count(b"\n") + 1, after.startswith(b"ours\n")
    raise ContentError(
        f"{root / path}, line {line}: not merged: git has left the marks of a conflict. {_remedy(path, root, is_ours)}"
    )


def _remedy(path: Path, root: Path, is_ours: bool) -> str:
    """What to do; the marks `is_ours` if what merges the project's files has left them, and not git itself."""
    is_merged = _is_merged(path, root, is_ours)
    if path.suffix in _BY_HAND or (path.suffix == ".lock" and is_merged):
        remedy = f"Keep what is right of both sides, and take the marks out; then `git add {path}`"
    else:
        remedy = (
            f"Take one side, `git restore --ours {path}` (or --theirs), and `git add {path}`; "
            "then `morphseq run` makes what is lacking of the other"
        )
    again = (
        ". Or have both sides merged entry by entry: `git merge --abort` (or `git rebase --abort`), `morphseq init`, "
        "and the same again"
    )
    return remedy if is_merged else f"{remedy}{again}"


def _is_merged(path: Path, root: Path, is_ours: bool) -> bool:
    """Whether all is merged that the driver of this clone can; if git can't be asked, advice about that is of no use.

    It may have been set up after git merged, by lines, what .gitattributes gives to it.
    """
    try:
        if git.setting(root, DRIVER) is None:
            return False
        given = git.run(root, "check-attr", "merge", "--", str(path)) or b""
    except UnreadableError:
        return True
    return is_ours or not given.endswith(b": morphseq\n")
