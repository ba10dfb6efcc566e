"""What is at many paths now, in one digest, told by stats alone: files, folders, and all that is in some folders."""

import marshal
import os
from operator import attrgetter

import xxhash

# Fewer files in folders than this take less time than starting the processes.
_WORTH_FILES = 30_000
_BATCH = 1000
_numbers = attrgetter("st_mode", "st_size", "st_mtime_ns", "st_ino", "st_ctime_ns")
_CTIME = 4
# One entry: the numbers of its stat; else whether there is a link to nothing.
Row = tuple[int, ...] | bool


class Seen:
    """What was seen: its digest, when the newest of it last changed (ns since 1970), the files in the folders.

    `absent` are the paths at which there is nothing.
    """

    def __init__(self, digest: bytes, newest_ns: int, count: int, absent: list[str]) -> None:
        self.digest, self.newest_ns, self.count, self.absent = digest, newest_ns, count, absent


class UnsettledError(Exception):
    """Something has changed too recently."""


def observe(paths: list[str], trees: list[str], count: int = 0, before_ns: int | None = None) -> Seen:
    """Look at all `paths`, and at all that is in the folders `trees`, at any depth; `count` is about how many files.

    Raises OSError for what can't be looked at, but not for what is not there; UnsettledError, soon, if something last
    changed at `before_ns` (ns since 1970) or later.
    """
    rows: list[Row] = []
    for at in range(0, len(paths), _BATCH):
        rows += [_row(path) for path in paths[at : at + _BATCH]]
        if before_ns is not None and _newest(rows[at:]) >= before_ns:
            raise UnsettledError
    state = xxhash.xxh3_128(marshal.dumps(rows, 2))
    newest, found = _newest(rows), 0
    for seen in _forked(trees, count) if count >= _WORTH_FILES else map(_tree, trees):
        state.update(seen.digest)
        newest, found = max(newest, seen.newest_ns), found + seen.count
        if before_ns is not None and newest >= before_ns:
            raise UnsettledError
    absent = [path for path, row in zip(paths, rows, strict=True) if not isinstance(row, tuple)]
    return Seen(state.digest(), newest, found, absent)


def _row(path: str) -> Row:
    try:
        return _numbers(os.stat(path))  # noqa: PTH116 - a path object takes longer than the stat
    except (FileNotFoundError, NotADirectoryError):
        return os.path.islink(path)  # noqa: PTH114


def _newest(rows: list[Row]) -> int:
    return max((row[_CTIME] for row in rows if isinstance(row, tuple)), default=0)


def _tree(top: str) -> Seen:
    names: list[str] = []
    rows: list[Row] = []
    waiting = [top]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                names.append(entry.name)
                try:
                    rows.append(_numbers(entry.stat()))
                except FileNotFoundError:
                    rows.append(True)
    digest = xxhash.xxh3_128_digest(marshal.dumps([names, rows], 2))
    return Seen(digest, _newest(rows), len(rows), [])


def _forked(trees: list[str], count: int) -> list[Seen]:
    """The same of each, in the order of `trees`, in several processes."""
    from morphseq_manifest.tracker.disk.forks import can_fork, forked

    if not can_fork():
        return [*map(_tree, trees)]

    def numbered(number: int) -> tuple[int, Seen]:
        return number, _tree(trees[number])

    with forked(numbered, range(len(trees)), os.cpu_count() or 1) as found:
        return [seen for _, seen in sorted(found, key=lambda pair: pair[0])]
