"""Asking `morphseq` within this process, and what of its answers stands, what has just been written being settled."""

import contextlib
import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from morphseq_manifest.commands import standing
from morphseq_manifest.commands.group import main
from morphseq_manifest.tracker.disk import workspace

STATUS = ("status", "--json")
Said = tuple[int, bytes]
_LONG_NS = 10**18


def ask(root: Path, *words: str) -> Said:
    """What a command says, having worked it out, and its exit status; then the answer stands."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with _in(root, *words), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = _ended(words)
    out.flush()
    return status, out.buffer.getvalue()  # type: ignore[attr-defined]


def _ended(words: tuple[str, ...]) -> int:
    try:
        main(words, prog_name="morphseq")
    except SystemExit as ended:
        return int(ended.code or 0)
    raise AssertionError("a command ends with its exit status")


def standing_answer(root: Path, *words: str) -> Said | None:
    """What a command says without working it out, if that stands."""
    with _in(root, *words):
        found = standing.find([*words])
    return found and (found.status, found.out)


def ask_anew(root: Path, *words: str) -> Said:
    """What a command says of which no answer is kept."""
    shutil.rmtree(root / ".dvc/tmp/morphseq/answers", ignore_errors=True)
    return ask(root, *words)


@contextlib.contextmanager
def _in(root: Path, *words: str) -> Iterator[None]:
    argv = mock.patch.object(sys, "argv", ["morphseq", *words])
    settled = [mock.patch.object(module, "SETTLED_NS", -_LONG_NS) for module in (standing, workspace)]
    with contextlib.chdir(root), argv, settled[0], settled[1]:
        yield
