"""The history of several files at once, and their versions: by three git processes, however many commits there are."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from morphseq_manifest.base import git
from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.git_call import CAREFULLY, ENVIRONMENT, surroundings

# What stands before each commit in git's output, and after each of its fields.
_RECORD, _FIELD = "\x01", "\x02"
_GONE = "000000"
_LOG = (
    "--literal-pathspecs", "log", "-z", "--topo-order", "--parents", "--raw", "--no-renames", "--no-abbrev",
    "--diff-merges=first-parent", "--root", f"--format={_RECORD}%H{_FIELD}%P{_FIELD}",
)  # fmt: skip
# The bytes of a blob, by its id, or by `COMMIT:path`.
Read = Callable[[str], bytes | None]


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
    done = git.ask(root, [*_LOG, start, "--", *paths])
    if done.returncode != 0:
        lacks = f"this clone lacks parts of it. {git.REFETCH}"
        why = lacks if git.LACKS in done.stderr else git.said(done.stderr)
        raise UnreadableError(f"{root}: git can't tell the history of {len(paths)} files: {why}")
    found: dict[str, Version] = {}
    for record in reversed(os.fsdecode(done.stdout).split(_RECORD)[1:]):
        commit, parents, raw = record.split(_FIELD, 2)
        known = [parent for parent in parents.split() if parent in found]
        before = found[known[0]].blobs if known else {}
        found[commit] = Version(commit, known, _changed(before, raw))
    return list(reversed(found.values()))


def _changed(before: Mapping[str, str], raw: str) -> Mapping[str, str]:
    """The blobs after a change that git tells as `:mode mode id id kind`, path, and so on."""
    parts, blobs = raw.strip("\0\n").split("\0"), dict(before)
    for said, path in zip(parts[::2], parts[1::2], strict=False):
        _, mode, _, blob, *_ = said.split(" ")
        blobs[path] = blob
        if mode == _GONE:
            del blobs[path]
    return blobs


@contextmanager
def objects(root: Path) -> Iterator[Read]:
    """In this block, what gives the bytes of a file; None if it is not there, or is a folder.

    It raises UnreadableError if the clone lacks a blob that its history names.
    """
    import subprocess

    words, pipe = ["git", *CAREFULLY, "cat-file", "--batch"], subprocess.PIPE
    with subprocess.Popen(
        words, cwd=root, env=surroundings() | ENVIRONMENT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked
        assert told

        def fetch(name: str) -> tuple[bytes, bytes] | None:
            """The kind and the bytes of an object; None if it is missing."""
            with suppress(BrokenPipeError):  # git has ended, which is seen by its answer
                asked.write(os.fsencode(name) + b"\n")
                asked.flush()
            head = told.readline().split()
            if head[-1:] == [b"missing"]:
                return None
            if len(head) != 3:
                raise lacks(name)
            return head[1], told.read(int(head[2]) + 1)[:-1]

        def lacks(name: str) -> UnreadableError:
            return UnreadableError(f"{root}: this clone lacks {name}, which its history names. {git.REFETCH}")

        def is_listed(name: str) -> bool:
            """Whether the folder of what is missing names it."""
            commit, _, path = name.partition(":")
            folder, _, leaf = path.rpartition("/")
            tree = fetch(f"{commit}:{folder}")
            return tree is not None and b" %s\0" % os.fsencode(leaf) in tree[1]

        def read(name: str) -> bytes | None:
            if "\n" in name:
                return None  # no question in one line
            found = fetch(name)
            if found is None and (":" not in name or is_listed(name)):
                raise lacks(name)
            return found[1] if found and found[0] == b"blob" else None

        yield read
        with suppress(BrokenPipeError):
            asked.close()


class Commit(msgspec.Struct, frozen=True):
    """A commit as people know it: its short id, day, author and subject."""

    id: str
    day: str
    author: str
    subject: str


def commits(root: Path, ids: Collection[str]) -> dict[str, Commit]:
    """These commits, by their full ids."""
    form = f"{_RECORD}%H{_FIELD}%h{_FIELD}%cs{_FIELD}%an{_FIELD}%s"
    told = (git.run(root, "log", "--no-walk=unsorted", f"--format={form}", *ids) or b"") if ids else b""
    fields = [line.rstrip("\n").split(_FIELD, 4) for line in told.decode(errors="backslashreplace").split(_RECORD)[1:]]
    return {whole: Commit(*rest) for whole, *rest in fields}


class Place(NamedTuple):
    """Where a folder is in a repository: whether this has no working tree, and whether it is a shallow clone.

    `prefix` is the way to the folder from the top, with a slash at its end; empty at the top, and if there is no
    repository. `head` is the full id of the last commit, None if there is none yet.
    """

    is_bare: bool
    is_shallow: bool
    prefix: str
    head: str | None


def place(root: Path) -> Place:
    """Where `root` is."""
    asked = ["rev-parse", "--is-bare-repository", "--is-shallow-repository", "--show-prefix", "HEAD"]
    done = git.ask(root, asked)
    bare, shallow, prefix, head, *_ = [*os.fsdecode(done.stdout).split("\n"), *[""] * 4]
    return Place(bare == "true", shallow == "true", prefix, head if done.returncode == 0 else None)
