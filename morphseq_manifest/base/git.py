"""What git knows: the content of a file at a commit, and the commits in which a file changed. Read only."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from morphseq_manifest.base.errors import ConfigError, UnreadableError

if TYPE_CHECKING:
    from subprocess import CompletedProcess


def run(root: Path, *arguments: str) -> bytes | None:
    """The output of a git command in `root`; None where git says that it can't be answered."""
    done = _start(root, arguments)
    return done.stdout if done.returncode == 0 else None


def _start(root: Path, arguments: Sequence[str], given: bytes = b"") -> "CompletedProcess[bytes]":
    import subprocess  # slow to start with, and not every command asks git

    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False, input=given)
    except FileNotFoundError as error:
        raise UnreadableError(f"{root}: git is not installed, or the folder is gone. Install git") from error


def commit(root: Path, rev: str) -> str:
    """The full id of a commit. Raises ConfigError where `rev` names none."""
    found = run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    if found is None:
        raise ConfigError(f"{rev!r} is no commit of the project in {root}. `git log` lists them")
    return found.decode().strip()


def content(root: Path, rev: str, path: Path) -> bytes | None:
    """A file's bytes at a commit; None where it was not there. `path` is relative to `root`."""
    return run(root, "cat-file", "blob", f"{rev}:./{path.as_posix()}")


def ignored(root: Path, paths: Sequence[str]) -> set[str] | None:
    """Those of the paths that git ignores; None where there is no repository."""
    asked = "\0".join(paths).encode(errors="surrogateescape")
    done = _start(root, ["check-ignore", "-z", "--stdin"], asked)
    if done.returncode not in {0, 1}:
        return None
    return {name for name in done.stdout.decode(errors="surrogateescape").split("\0") if name}


def history(root: Path, path: Path, *, start: str | None = None) -> list[str]:
    """The commits in which a file changed, newest first: those before and at `start`, or of all branches."""
    found = run(root, "log", "--format=%H", start or "--all", "--", path.as_posix())
    return found.decode().split() if found else []


def describe(root: Path, rev: str) -> str:
    """A commit in one line: short id, day, subject."""
    found = run(root, "log", "-1", "--format=%h %cs %s", rev)
    return found.decode().strip() if found else rev
