"""What git knows: the content of a file at a commit, and the commits in which a file changed.

Only `stage` and `configure` write.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from morphseq_manifest.base import git_call, sources
from morphseq_manifest.base.errors import ConfigError, ContentError, UnreadableError
from morphseq_manifest.base.git_call import Told

_NO_REPOSITORY = b"not a git repository"
# A clone may lack what is old, or what was not asked for: git says so, and is not to fetch it from the place that a
# stranger's configuration names.
LACKS = b"promisor"
REFETCH = "Fetch it: `git fetch --refetch --no-filter`"
# How many characters long a mark of a conflict is, unless somebody says otherwise.
MARK_SIZE = 7
# What `git merge-file` counts up to; more is an error.
_MOST_CONFLICTS = 127
_DEEPEN = "This clone is shallow: `git fetch --unshallow` brings older commits"


def run(root: Path, *arguments: str) -> bytes | None:
    """The output of a git command in `root`; None if git says that there is no such thing.

    Raises UnreadableError in git's words if git refuses to look at the repository.
    """
    done = ask(root, arguments)
    return done.stdout if done.returncode == 0 else None


def ask(root: Path, arguments: Sequence[str], given: bytes = b"", *, is_source: bool = True) -> Told:
    """A git command in `root`, ended: its exit status, its output, what it complained about. Raises as `run` does.

    Without `is_source` the caller says itself that an answer is made of it.
    """
    done = _call(root, arguments, given)
    if is_source:
        sources.add_asked(root, arguments, given, done.returncode, done.stdout)
    return done


def _call(root: Path, arguments: Sequence[str], given: bytes = b"") -> Told:
    try:
        done = git_call.call(root, arguments, given)
    except FileNotFoundError as error:
        raise UnreadableError(f"{root}: git is not installed. Install it") from error
    if done.stderr.startswith(b"fatal: cannot change to"):
        raise UnreadableError(f"{root}: the folder is gone, as git says: {said(done.stderr)}")
    if b"dubious ownership" in done.stderr:
        raise UnreadableError(f"{root}: git refuses to look at this project, as git says: {said(done.stderr)}")
    return done


def said(stderr: bytes) -> str:
    """What git complained about, in one line."""
    return " ".join(stderr.decode(errors="backslashreplace").removeprefix("fatal: ").split())


def commit(root: Path, rev: str) -> str:
    """The full id of a commit. Raises ConfigError if `rev` names none, or there is no repository."""
    done = ask(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}"])
    if _NO_REPOSITORY in done.stderr:
        raise ConfigError(f"{root}: {said(done.stderr)}. Run this in the project's folder, or leave the commit out")
    if done.returncode != 0:
        cure = _DEEPEN if shallow(root) else "`git log` lists them"
        raise ConfigError(f"{rev!r} is not a commit of the project in {root}. {cure}")
    return done.stdout.decode().strip()


def content(root: Path, rev: str, path: Path) -> bytes | None:
    """A file's bytes at a commit; None if it was not there. `path` is relative to `root`.

    Raises UnreadableError if it was there, and this clone lacks its content.
    """
    found = run(root, "cat-file", "blob", _name(root, rev, path))
    if found is None:
        done = ask(root, ["ls-tree", rev, "--", path.as_posix()])
        if b" blob " in done.stdout or LACKS in done.stderr:
            raise UnreadableError(f"{path} at {rev[:12]}: this clone of {root} lacks its content. {REFETCH}")
    return found


def commit_with(root: Path, rev: str, paths: Sequence[Path]) -> tuple[str, dict[Path, bytes]]:
    """The full id of a commit, and those of some files that are there at it, asked at once. Raises as `commit`."""
    named = f"{rev}^{{commit}}"
    asked = [named, *(_name(root, named, path) for path in paths)]
    if not any("\n" in name for name in asked):  # a question a line
        done = ask(root, ["cat-file", "--batch"], os.fsencode("\n".join([*asked, ""])))
        (head, *_), *found = [*_objects(done.stdout), [b""]]
        if head:
            pairs = zip(paths, found, strict=False)
            return head.decode(), {path: part[2] for path, part in pairs if part[1:2] == [b"blob"]}
    return commit(root, rev), {}


def _objects(told: bytes) -> Iterator[list[bytes]]:
    """Each object of what `cat-file --batch` says: its id, kind and content; nothing of one that is missing."""
    at = 0
    while at < len(told):
        end = told.index(b"\n", at)
        match told[at:end].split(b" "):
            case [name, kind, size] if size.isdigit():
                at = end + 1 + int(size)
                yield [name, kind, told[end + 1 : at]]
                at += 1
            case _:
                at = end + 1
                yield [b""]


def _name(root: Path, rev: str, path: Path) -> str:
    """What git calls a file at a commit; without a working tree it knows no folder that a path could be relative to."""
    return f"{rev}:{'' if _is_bare(root) else './'}{path.as_posix()}"


def _is_bare(root: Path) -> bool:
    """Whether a folder is a repository itself, as a clone without a working tree is."""
    return (root / "HEAD").is_file() and (root / "objects").is_dir() and not (root / ".git").exists()


def ignored(root: Path, paths: Sequence[str]) -> set[str] | None:
    """Those of the paths that git ignores; None if there is no repository."""
    asked = "\0".join(paths).encode(errors="surrogateescape")
    done = ask(root, ["check-ignore", "-z", "--stdin"], asked)
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
    return said(done.stderr) if done.returncode != 0 else ""


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
        raise ContentError(f"git can't merge it by lines: {said(done.stderr) or 'not a text'}")
    return done.stdout, done.returncode


def setting(root: Path, name: str) -> str | None:
    """What git is configured to; None if nothing is said."""
    found = run(root, "config", "--get", name)
    return None if found is None else found.decode(errors="surrogateescape").removesuffix("\n")


def configure(root: Path, name: str, value: str) -> None:
    """Write a setting into git's configuration of this clone. Raises UnreadableError in git's words if it can't."""
    done = _call(root, ["config", "--local", name, value])
    if done.returncode != 0:
        raise UnreadableError(f"{root}: git can't set {name}: {said(done.stderr)}")


def history(root: Path, path: Path, *, start: str | None = None) -> list[str]:
    """The commits in which a file changed, newest first: those before and at `start`, or of all branches."""
    done = ask(root, ["log", "--format=%H", start or "--all", "--", path.as_posix()])
    if done.returncode != 0 and LACKS in done.stderr:
        raise UnreadableError(f"{path}: this clone of {root} lacks parts of its history. {REFETCH}")
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
