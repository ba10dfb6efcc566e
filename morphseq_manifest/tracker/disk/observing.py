"""What is at many paths now, in one digest, told by stats alone: files, folders, and all that is in some folders."""

import marshal
import os
from collections.abc import Sequence
from operator import attrgetter

import xxhash

# How many processes list folders.
_PARTS = 2
_BATCH = 1000
_numbers = attrgetter("st_mode", "st_size", "st_mtime_ns", "st_ino", "st_ctime_ns")
_CTIME = 4
# One entry: the numbers of its stat; else whether there is a link to nothing.
Row = tuple[int, ...] | bool


class Seen:
    """What was seen: its digest, when the newest of it last changed (ns since 1970).

    `absent` are the paths at which there is nothing. `is_listed`: the folders were listed by another program, whose
    digest is another.
    """

    def __init__(self, digest: bytes, newest_ns: int, absent: Sequence[str] = (), *, is_listed: bool = False) -> None:
        self.digest, self.newest_ns, self.absent = digest, newest_ns, absent
        self.is_listed = is_listed


class UnsettledError(Exception):
    """Something has changed too recently."""


def observe(paths: list[str], trees: list[str], before_ns: int | None = None, *, is_listed: bool = False) -> Seen:
    """Look at all `paths`, and at all that is in the folders `trees`, at any depth: `is_listed` by another program.

    Raises OSError for what can't be looked at, but not for what is not there; UnsettledError, soon, if something last
    changed at `before_ns` (ns since 1970) or later.
    """
    rows: list[Row] = []
    for at in range(0, len(paths), _BATCH):
        rows += [_row(path) for path in paths[at : at + _BATCH]]
        if before_ns is not None and _newest(rows[at:]) >= before_ns:
            raise UnsettledError
    state = xxhash.xxh3_128(marshal.dumps(rows, 2))
    newest = _newest(rows)
    listed = _listed(trees, is_dated=before_ns is not None) if is_listed else None
    for seen in map(_tree, trees) if listed is None else listed:
        state.update(seen.digest)
        newest = max(newest, seen.newest_ns)
        if before_ns is not None and newest >= before_ns:
            raise UnsettledError
    absent = [path for path, row in zip(paths, rows, strict=True) if not isinstance(row, tuple)]
    return Seen(state.digest(), newest, absent, is_listed=listed is not None)


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
    return Seen(xxhash.xxh3_128_digest(marshal.dumps([names, rows], 2)), _newest(rows))


def _listed(trees: list[str], *, is_dated: bool) -> list[Seen] | None:
    """What is in the folders, listed by another program; None if that can't be. It may be told when it last changed."""
    from morphseq_manifest.tracker.disk import listing

    parts = listing.listed(trees, _PARTS)
    if parts is None:
        return None
    return [Seen(xxhash.xxh3_128_digest(part), listing.newest_ns(part) if is_dated else 0) for part in parts]
