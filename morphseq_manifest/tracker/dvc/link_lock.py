"""DVC's lock where `core.hardlink_lock` is on: a hard link to a claim, for disks on which files can't be locked."""

import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec

from morphseq_manifest.base.small_files import read_small

# Nobody takes the lock for abandoned before that, as DVC has it.
_LIFETIME = timedelta(days=365)
_AT_ONCE = timedelta(seconds=-1)
_SEPARATOR = "|"


class Claim(msgspec.Struct, frozen=True):
    """The process that holds a lock, and its machine."""

    machine: str
    pid: int

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.machine in {socket.getfqdn(), socket.gethostname()}


def take(path: Path) -> Callable[[], None] | None:
    """Take the lock at a path; what lets go of it, None if another has it."""
    from flufl.lock import Lock, TimeOutError

    lock = Lock(str(path), lifetime=_LIFETIME, separator=_SEPARATOR)
    try:
        lock.lock(_AT_ONCE)
    except TimeOutError:
        return None
    return lambda: lock.unlock(unconditionally=True)


def read(path: Path) -> Claim | None:
    """Who holds the lock at a path, as far as it tells: the claim of a DVC command does not."""
    try:
        _, machine, pid, _ = read_small(path).decode().split(_SEPARATOR)
        return Claim(machine, int(pid))
    except (OSError, ValueError):
        return None
