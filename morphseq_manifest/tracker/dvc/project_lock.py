"""DVC's own lock on a project: while a run goes on, no DVC command changes dvc.lock or the cache, nor another run."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ConfigError, MorphseqError
from morphseq_manifest.base.kinds import known
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.dvc import config

_FOLDER = Path(".dvc/tmp")
_RETRY_S = 0.2


class BusyError(MorphseqError):
    """Another process works on the project."""


class _Holder(msgspec.Struct):
    pid: int
    cmd: str


class _Paths(msgspec.Struct):
    write: dict[str, _Holder] = {}
    read: dict[str, list[_Holder]] = {}


@contextmanager
def held(root: Path, wait_s: float) -> Iterator[None]:
    """Hold the lock in this block, waiting for it so long. Raises BusyError saying who holds it.

    A DVC command that runs a stage lets go of the lock meanwhile, but says in another file what it works on.
    """
    if not (root / ".dvc").is_dir():
        raise ConfigError(f"{root}: not a DVC project: there is no folder .dvc in it. Run this in the project's folder")
    folder = (root / _FOLDER).absolute()
    folder.mkdir(exist_ok=True)
    by_link = config.read(root).hardlink_lock
    until = time.monotonic() + wait_s
    told = False
    while True:
        let_go, holder = _attempt(folder, by_link)
        if let_go:
            break
        if time.monotonic() >= until:
            raise BusyError(f"{root}: {holder} works on this project. Wait until it has ended, and try again")
        if not told:
            note(f"waiting for {holder}")
            told = True
        time.sleep(_RETRY_S)
    try:
        yield
    finally:
        let_go()


def is_worked_on(root: Path) -> bool:
    """Whether a run or a DVC command works on the project now, as far as its files tell; the lock is not touched."""
    folder = (root / _FOLDER).absolute()
    if config.read(root).hardlink_lock:
        from morphseq_manifest.tracker.dvc import link_lock

        return link_lock.read(folder / "lock") is not None
    pids: list[int] = []
    with suppress(OSError, ValueError, IndexError):
        pids.append(int(read_small(folder / "lock").split()[0]))
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pids += [holder.pid for holder in _holders(folder / "rwlock")]
    return any(pid != os.getpid() and command_of(pid) is not None for pid in pids)


def _attempt(folder: Path, by_link: bool) -> tuple[Callable[[], None] | None, str | None]:
    """Try to take the lock: what lets go of it, or who holds it."""
    path = folder / "lock"
    try:
        let_go = _take_by_link(path) if by_link else _take(path)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    if let_go is None:
        return None, _claimant(folder) if by_link else _describe(path)
    holder: str | None = "another process"
    try:
        holder = _working(folder)
    finally:
        if holder:
            let_go()
    return (None, holder) if holder else (let_go, None)


def _take_by_link(path: Path) -> Callable[[], None] | None:
    from morphseq_manifest.tracker.dvc import link_lock  # few have it, and it starts slowly

    return link_lock.take(path)


def _take(path: Path) -> Callable[[], None] | None:
    import zc.lockfile

    try:
        lock = zc.lockfile.LockFile(str(path))
    except zc.lockfile.LockError:
        return None
    close: Callable[[], None] = lock.close
    return close


def _claimant(folder: Path) -> str:
    """Who holds a lock that is a link, as far as it tells; what a killed process has left must be deleted by hand."""
    from morphseq_manifest.tracker.dvc import link_lock

    path = folder / "lock"
    claim = link_lock.read(path)
    if claim is None:  # DVC's own does not tell
        return _working(folder) or f"a DVC command (if none runs here, delete {path})"
    if not claim.is_here:
        return f"process {claim.pid} on {claim.machine} (if it has ended, delete {path})"
    return f"process {claim.pid} ({command_of(claim.pid) or f'already ended: delete {path}'})"


def _describe(path: Path) -> str:
    """Who holds a lock, as far as its file tells."""
    try:
        pid = int(read_small(path).split()[0])
    except (OSError, ValueError, IndexError):
        return "another process"
    return f"process {pid} ({command_of(pid) or 'already ended'})"


def _working(folder: Path) -> str | None:
    """The DVC process that runs a stage right now, if there is one; a file that a killed one damaged is removed."""
    path = folder / "rwlock"
    try:
        holders = _holders(path)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        note(f"{path}: damaged by a process that was killed; removed")
        path.unlink()
        return None
    except OSError as error:
        raise files.unreadable(path, error, "Remove it if no DVC command runs here") from error
    for holder in holders:
        if holder.pid != os.getpid() and command_of(holder.pid) is not None:
            return f"process {holder.pid} ({holder.cmd})"
    return None


def _holders(path: Path) -> list[_Holder]:
    paths = msgspec.json.decode(read_small(path), type=known(_Paths))
    return [*paths.write.values(), *(one for many in paths.read.values() for one in many)]


def command_of(pid: int) -> str | None:
    """The command line of a process; None if there is no such process."""
    import psutil

    try:
        return " ".join(psutil.Process(pid).cmdline()).strip() or None
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return None
    except psutil.AccessDenied:
        return "another user's"
