"""What git knows: the content of a file at a commit, the commits in which files changed, and who made them.

Only `stage` and `configure` write.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from morphseq_manifest.base import sources
from morphseq_manifest.base.errors import ConfigError, ContentError, UnreadableError
from morphseq_manifest.base.git_again import CAREFULLY, ENVIRONMENT

if TYPE_CHECKING:
    from subprocess import CompletedProcess


_NO_REPOSITORY = b"not a git repository"
# A clone may lack what is old, or what was not asked for: git says so, and is not to fetch it from the place that a
# stranger's configuration names.
_LACKS = b"promisor"
_REFETCH = "Fetch it: `git fetch --refetch --no-filter`"
# How many characters long a mark of a conflict is, unless somebody says otherwise.
MARK_SIZE = 7
# What `git merge-file` counts up to; more is an error.
_MOST_CONFLICTS = 127
# What stands between the fields of a commit, and before each.
_FIELD, _RECORD = "\x02", "\x01"
_DEEPEN = "This clone is shallow: `git fetch --unshallow` brings older commits"


def run(root: Path, *arguments: str) -> bytes | None:
    """The output of a git command in `root`; None if git says that there is no such thing.

    Raises UnreadableError in git's words if git refuses to look at the repository.
    """
    done = _start(root, arguments)
    return done.stdout if done.returncode == 0 else None


def _start(root: Path, arguments: Sequence[str], given: bytes = b"") -> "CompletedProcess[bytes]":
    done = _call(root, arguments, given)
    sources.add_asked(root, arguments, given, done.returncode, done.stdout)
    return done


def _call(root: Path, arguments: Sequence[str], given: bytes = b"") -> "CompletedProcess[bytes]":
    import subprocess  # slow to start with, and not every command asks git

    try:
        done = subprocess.run(
            ["git", *CAREFULLY, *arguments], cwd=root, env=os.environ | ENVIRONMENT, input=given,
            capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise UnreadableError(f"{root}: git is not installed, or the folder is gone. Install git") from error
    if b"dubious ownership" in done.stderr:
        raise UnreadableError(f"{root}: git refuses to look at this project, as git says: {_said(done.stderr)}")
    return done


def _said(stderr: bytes) -> str:
    """What git complained about, in one line."""
    return " ".join(stderr.decode(errors="backslashreplace").removeprefix("fatal: ").split())


def commit(root: Path, rev: str) -> str:
    """The full id of a commit. Raises ConfigError if `rev` names none, or there is no repository."""
    done = _start(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}"])
    if _NO_REPOSITORY in done.stderr:
        raise ConfigError(f"{root}: {_said(done.stderr)}. Run this in the project's folder, or leave the commit out")
    if done.returncode != 0:
        cure = _DEEPEN if shallow(root) else "`git log` lists them"
        raise ConfigError(f"{rev!r} is not a commit of the project in {root}. {cure}")
    return done.stdout.decode().strip()


def content(root: Path, rev: str, path: Path) -> bytes | None:
    """A file's bytes at a commit; None if it was not there. `path` is relative to `root`.

    Raises UnreadableError if it was there, and this clone lacks its content.
    """
    found = run(root, "cat-file", "blob", f"{rev}:./{path.as_posix()}")
    if found is None:
        done = _start(root, ["ls-tree", rev, "--", path.as_posix()])
        if b" blob " in done.stdout or _LACKS in done.stderr:
            raise UnreadableError(f"{path} at {rev[:12]}: this clone of {root} lacks its content. {_REFETCH}")
    return found


def ignored(root: Path, paths: Sequence[str]) -> set[str] | None:
    """Those of the paths that git ignores; None if there is no repository."""
    asked = "\0".join(paths).encode(errors="surrogateescape")
    done = _start(root, ["check-ignore", "-z", "--stdin"], asked)
    if done.returncode not in {0, 1}:
        return None
    return {name for name in done.stdout.decode(errors="surrogateescape").split("\0") if name}


def tracked(root: Path, paths: Sequence[str]) -> list[str]:
    """Those of the paths that are in git's index, or folders with something in it; none if there is no repository."""
    known: set[str] = set()
    for name in (run(root, "ls-files", "-z") or b"").decode(errors="surrogateescape").split("\0"):
        while name and name not in known:
            known.add(name)
            name = name.rpartition("/")[0]
    return [path for path in paths if path in known]


def stage(root: Path, paths: Sequence[str]) -> str:
    """Put files, as they are now, into git's index. What git complained about if it did not; else nothing."""
    done = _call(root, ["add", "--", *paths])
    return _said(done.stderr) if done.returncode != 0 else ""


def merge_lines(root: Path, texts: Sequence[bytes], size: int = MARK_SIZE) -> tuple[bytes, int]:
    """Three texts, base, ours, theirs, merged by lines, as git merges; and how many conflicts are left in it.

    Their marks are so many characters long. Raises ContentError if one is not a text.
    """
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        base, ours, theirs = paths = [f"{folder}/{side}" for side in ("base", "ours", "theirs")]
        for path, text in zip(paths, texts, strict=True):
            Path(path).write_bytes(text)
        labels = ("-L", "ours", "-L", "base", "-L", "theirs")
        done = _call(root, ["merge-file", "--stdout", "--quiet", f"--marker-size={size}", *labels, ours, base, theirs])
    if done.returncode not in range(_MOST_CONFLICTS + 1):
        raise ContentError(f"git can't merge it by lines: {_said(done.stderr) or 'not a text'}")
    return done.stdout, done.returncode


def setting(root: Path, name: str) -> str | None:
    """What git is configured to; None if nothing is said."""
    found = run(root, "config", "--get", name)
    return None if found is None else found.decode(errors="surrogateescape").removesuffix("\n")


def configure(root: Path, name: str, value: str) -> None:
    """Write a setting into git's configuration of this clone. Raises UnreadableError in git's words if it can't."""
    done = _call(root, ["config", "--local", name, value])
    if done.returncode != 0:
        raise UnreadableError(f"{root}: git can't set {name}: {_said(done.stderr)}")


def history(root: Path, path: Path, *, start: str | None = None) -> list[str]:
    """The commits in which a file changed, newest first: those before and at `start`, or of all branches."""
    done = _start(root, ["log", "--format=%H", start or "--all", "--", path.as_posix()])
    if done.returncode != 0 and _LACKS in done.stderr:
        raise UnreadableError(f"{path}: this clone of {root} lacks parts of its history. {_REFETCH}")
    return done.stdout.decode().split()


def shallow(root: Path) -> set[str]:
    """The commits at which this clone ends: all that is older seems to have been made there; none if it is whole."""
    place = run(root, "rev-parse", "--git-path", "shallow")
    try:
        return set((root / os.fsdecode(place or b"").strip()).read_text().split()) if place else set()
    except OSError:
        return set()


def describe(root: Path, rev: str) -> str:
    """A commit in one line: short id, day, subject; and whether it may be an older one, which this clone lacks."""
    found = run(root, "log", "-1", "--format=%H %h %cs %s", rev)
    if not found:
        return rev
    whole, _, line = found.decode(errors="backslashreplace").strip().partition(" ")
    return f"{line} (or an older commit, which this shallow clone lacks)" if whole in shallow(root) else line


class Version(NamedTuple):
    """Some files at a commit that changed one of them, and the commits before it that did.

    `blobs` are the ids of their contents, by path from the top of the repository; a file that was not there has none.
    """

    commit: str
    parents: list[str]
    blobs: Mapping[str, str]


def versions(root: Path, start: str, paths: Collection[str]) -> list[Version]:
    """The history of some files up to a commit, each commit before its parents; paths are relative to `root`.

    Raises UnreadableError if this clone lacks parts of it.
    """
    asked = ["-z", "--topo-order", "--parents", "--raw", "--no-renames", "--no-abbrev", "--diff-merges=first-parent"]
    done = _start(root, ["log", *asked, f"--format={_RECORD}%H{_FIELD}%P{_FIELD}", start, "--", *paths])
    if done.returncode != 0:
        said = f"this clone lacks parts of its history. {_REFETCH}" if _LACKS in done.stderr else _said(done.stderr)
        raise UnreadableError(f"{root}: git can't tell the history of {len(paths)} files: {said}")
    found: dict[str, Version] = {}
    for record in reversed(os.fsdecode(done.stdout).split(_RECORD)[1:]):
        commit, parents, raw = record.split(_FIELD, 2)
        before = found[first].blobs if (first := parents.partition(" ")[0]) in found else {}
        found[commit] = Version(commit, [name for name in parents.split() if name in found], _changed(before, raw))
    return list(reversed(found.values()))


def _changed(before: Mapping[str, str], raw: str) -> Mapping[str, str]:
    """The files after a change that git tells as `:mode mode id id kind`, path, and so on."""
    parts = raw.strip("\0\n").split("\0")
    blobs = dict(before)
    for said, path in zip(parts[::2], parts[1::2], strict=False):
        _, mode, _, blob, *_ = said.split(" ")
        blobs[path] = blob
        if mode == "000000":
            del blobs[path]
    return blobs


@contextmanager
def objects(root: Path) -> Iterator[Callable[[str], bytes | None]]:
    """In this block, what gives the bytes of a file by its blob's id, or by `COMMIT:path`; None if there is no such.

    It raises UnreadableError if the clone lacks a content that its history names.
    """
    import subprocess

    words = ["git", *CAREFULLY, "cat-file", "--batch"]
    with subprocess.Popen(
        words, cwd=root, env=os.environ | ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        asked, told = process.stdin, process.stdout

        def ask(name: bytes) -> list[bytes]:
            with suppress(BrokenPipeError):  # git has ended, which its answer shows
                asked.write(name + b"\n")
                asked.flush()
            return told.readline().split()

        def read(name: str) -> bytes | None:
            if "\n" in name:
                return None
            head = ask(os.fsencode(name))
            if head[-1:] == [b"missing"]:
                if ":" not in name:
                    raise UnreadableError(f"{root}: this clone lacks the content {name[:12]}. {_REFETCH}")
                return None
            if len(head) != 3:
                raise UnreadableError(f"{root}: git can't read {name}: this clone lacks it. {_REFETCH}")
            data = told.read(int(head[2]) + 1)[:-1]
            return data if head[1] == b"blob" else None

        yield read
        with suppress(BrokenPipeError):
            asked.close()


class Commit(NamedTuple):
    """A commit as people know it: its short id, day, author and subject."""

    id: str
    day: str
    author: str
    subject: str


def commits(root: Path, ids: Collection[str]) -> dict[str, Commit]:
    """These commits, by their full ids."""
    if not ids:
        return {}
    form = f"{_RECORD}%H{_FIELD}%h{_FIELD}%cs{_FIELD}%an{_FIELD}%s"
    told = run(root, "log", "--no-walk=unsorted", f"--format={form}", *ids) or b""
    fields = [line.rstrip("\n").split(_FIELD) for line in told.decode(errors="backslashreplace").split(_RECORD)[1:]]
    return {whole: Commit(short, day, author, _FIELD.join(rest)) for whole, short, day, author, *rest in fields}


def prefix(root: Path) -> str:
    """The way from the top of the repository to `root`, with a slash at its end; empty at the top."""
    return os.fsdecode(run(root, "rev-parse", "--show-prefix") or b"").removesuffix("\n")
