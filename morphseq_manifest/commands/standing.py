"""An answer stands as long as nothing that it was made of has changed: then it is given again, at the speed of stat.

What `morphseq status` says, and `morphseq run` where there is nothing to do, is kept with one digest over the stats of
all that was looked at. It is kept only if the newest of that had settled before the command began: what changed then,
or later, could change again without its stat telling. What git was asked it is asked again.

Imported by every command before it is known whether there is such an answer: nothing here may start slowly.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import xxhash

from morphseq_manifest.base import git_call, kept, project_folder
from morphseq_manifest.base.small_files import SETTLED_NS
from morphseq_manifest.commands import KEPT
from morphseq_manifest.tracker.disk.observing import UnsettledError, observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from morphseq_manifest.base.sources import Sources

_OWN = ".dvc/tmp/morphseq"
_FOLDER = f"{_OWN}/answers"
# Nothing that lies behind a link is given.
_WAY = (".dvc", ".dvc/tmp", _OWN, _FOLDER)
_LOCK = ".dvc/tmp/lock"
# Each in a file of its own: as many as people ask in turn, with `--json` and without, in a terminal and not.
_PLACES = 16
# What says nothing of how a command works, and is another in every terminal.
_PASSING = {"_", "OLDPWD", "PWD", "SHLVL"}
_MOST_PATHS = 500_000
# Fewer files in folders take less time than to have another program list them.
_WORTH_LISTING = 10_000


class Given:
    """An answer that was given: the exit status, and what was printed on stdout and on stderr."""

    def __init__(self, status: int, out: bytes, err: bytes) -> None:
        self.status, self.out, self.err = status, out, err

    def say(self) -> int:
        """Print it once more; the exit status that is due then.

        Raises OSError if there is nothing to print on, before anything is printed: then it may be said in another way.
        """
        for handle in (1, 2):
            os.fstat(handle)
        try:
            _write(1, self.out)
        except _CutShortError as error:
            self.status, self.err = 4, f"error: {error}\n".encode()
        with suppress(OSError, _CutShortError):  # nobody needs to listen
            _write(2, self.err)
        return self.status


class _CutShortError(Exception):
    """A part of a text is written, and no more could be."""


def find(words: list[str]) -> Given | None:
    """The answer to this command line, if it stands."""
    root = _asked_in(words)
    if root is None or any(os.path.islink(f"{root}/{folder}") for folder in _WAY):  # noqa: PTH114
        return None
    try:
        place, key = _place_and_key(root, words)
        data = kept.load(place, key)
        return None if data is None else _checked(root, bytes(data))
    except (OSError, ValueError):
        return None  # worked out, and said what is wrong


def _checked(root: str, data: bytes) -> Given | None:
    import json

    first, _, rest = data.partition(b"\n")
    about = json.loads(first)
    names = os.fsdecode(rest[: about["names"]]).split("\0")
    if about["waits"] and _is_held(f"{root}/{_LOCK}"):
        return None
    paths, trees = names[: about["paths"]], names[about["paths"] :]
    if observe(paths, trees, is_listed=about["listed"]).digest.hex() != about["digest"]:
        return None
    for folder, arguments, given, status, digest in about["asked"]:
        told = git_call.call(folder, arguments, os.fsencode(given))
        if (told.returncode, _digest(told.stdout)) != (status, digest):
            return None
    texts = rest[about["names"] :]
    return Given(about["status"], texts[: about["out"]], texts[about["out"] :])


def _asked_in(words: list[str]) -> str | None:
    """The project's folder, by the one that the command line has; None if its answer is never kept."""
    folder, asked = (words[1], words[2:]) if words[:1] == ["-C"] and words[2:] else (".", words)
    return project_folder.find(folder) if asked[:1] and asked[0] in KEPT else None


def _place_and_key(root: str, words: list[str]) -> tuple[str, bytes]:
    """Where the answer to a command line is, and what tells it from others: all that it depends on but the files."""
    shown = [*words, str(os.isatty(1) and os.get_terminal_size(1)), str(os.isatty(2))]
    packages = os.stat(os.path.dirname(os.path.dirname(xxhash.__file__)))  # noqa: PTH116, PTH120
    about = [*shown, os.getcwd(), str(os.geteuid()), sys.version, str(packages.st_mtime_ns)]  # noqa: PTH109
    about += [f"{name}={value}" for name, value in sorted(os.environ.items()) if name not in _PASSING]
    number = xxhash.xxh3_64_intdigest(os.fsencode("\0".join(shown))) % _PLACES
    key = xxhash.xxh3_128_digest(kept.code() + os.fsencode("\0".join(about)))
    return f"{root}/{_FOLDER}/{number}", key


def _is_held(path: str) -> bool:
    """Whether somebody works on the project: a run would wait, or end with a message."""
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _write(handle: int, text: bytes) -> None:
    """As in base.console: a reader that has seen enough, as `head` has, changes no exit status.

    Raises OSError if nothing of it could be written.
    """
    left = text
    while left:
        try:
            left = left[os.write(handle, left) :]
        except BrokenPipeError:
            return
        except BlockingIOError:  # a pipe that is full, and that nobody waits for
            import select

            select.select([], [handle], [])
        except OSError as error:
            if left is text:
                raise
            raise _CutShortError(f"input or output: {error.strerror}") from error


def _digest(output: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(output)


class Answer:
    """An answer that is being given: what it is made of, and what is printed."""

    def __init__(self, root: str, sources: "Sources") -> None:
        self._root, self._sources = root, sources
        self._begun_ns = time.time_ns()
        self._heard: list[_Heard] = []

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """What is printed in this block is the answer."""
        self._heard = [_Heard(sys.stdout), _Heard(sys.stderr)]
        sys.stdout, sys.stderr = self._heard
        try:
            yield
        finally:
            sys.stdout, sys.stderr = (heard.stream for heard in self._heard)

    def keep(self, status: int, *, waits: bool = False) -> None:
        """Keep it for the next time, if it was heard whole and all that it is made of had settled.

        Only a `status` of 0 or 1 is kept: of what can't be read, why may change in silence. If it `waits`, it is not
        given while somebody works on the project.
        """
        words, paths, trees = sys.argv[1:], [*self._sources.paths], [*self._sources.trees]
        is_kept = _asked_in(words) is not None and status in {0, 1} and len(paths) <= _MOST_PATHS
        if not is_kept or not self._heard or not all(heard.whole for heard in self._heard):
            return
        import json

        settled_ns = self._begun_ns - SETTLED_NS
        with suppress(OSError, ValueError, UnsettledError):
            is_listed = sum(self._sources.trees.values()) >= _WORTH_LISTING
            seen = observe(paths, trees, settled_ns, is_listed=is_listed)
            if _above_absent(seen.absent, f"{self._root}/{_OWN}") >= settled_ns:
                return
            names = os.fsencode("\0".join([*paths, *trees]))
            out, err = (heard.bytes() for heard in self._heard)
            about = {
                "status": status, "waits": waits, "digest": seen.digest.hex(), "listed": seen.is_listed,
                "names": len(names), "paths": len(paths), "out": len(out),
                "asked": [
                    (folder, arguments, os.fsdecode(given), told, _digest(output))
                    for (folder, arguments, given), (told, output) in self._sources.asked.items()
                ],
            }  # fmt: skip
            place, key = _place_and_key(self._root, words)
            kept.store(place, key, json.dumps(about).encode() + b"\n" + names + out + err)


@contextmanager
def answering(root: object) -> Iterator[Answer]:
    """Give an answer about the project in `root` in this block."""
    from morphseq_manifest.base import sources

    with sources.gathering() as gathered:
        yield Answer(str(root), gathered)


class _Heard:
    """A stream whose text is kept too; `whole` unless something of it could not be written."""

    def __init__(self, stream: "TextIO") -> None:
        self.stream, self.whole = stream, True
        self._text: list[str] = []

    def write(self, text: str) -> int:
        """Write a text, and keep it."""
        try:
            written = self.stream.write(text)
        except OSError:
            self.whole = False
            raise
        self._text.append(text)
        return written

    def bytes(self) -> bytes:
        """What was written, as it was."""
        return "".join(self._text).encode(self.stream.encoding, self.stream.errors or "strict")

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


def _above_absent(absent: "Iterable[str]", own: str) -> int:
    """When the folders last changed in which these are not: what is gone has no time of its own.

    Our own folder is another after every command; what was in it and is gone was about a failure.
    """
    newest = 0
    for folder in {os.path.dirname(path) or "." for path in absent}:  # noqa: PTH120
        while not os.path.isdir(folder):  # noqa: PTH112
            folder = os.path.dirname(folder) or "."  # noqa: PTH120
        if not os.path.normpath(folder).startswith(os.path.normpath(own)):
            newest = max(newest, os.stat(folder).st_ctime_ns)  # noqa: PTH116
    return newest
