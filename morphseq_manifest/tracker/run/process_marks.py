"""Marks of the stages that run, so that what outlives its runner and its worker can be found and ended."""

import contextlib
import os
import platform
import signal
import time
from pathlib import Path

from morphseq_manifest.base import sources
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.run.keeper import end_bearers
from morphseq_manifest.tracker.run.task import RUNNING

_GONE_S = 0.01
_WORDS_OF_RUN = 2


def leave(mark: Path) -> None:
    """Mark that this process is a stage, the first of the group of all it starts. Raises OSError naming the mark."""
    try:
        mark.write_text(f"{platform.node()} {os.getpid()} {os.getsid(0)} {_began(os.getpid())}", encoding="utf-8")
    except OSError as error:
        error.filename = str(mark)  # which a write does not say
        raise


def leave_run(mark: Path, token: str) -> None:
    """Mark that what bears this token is of a run on this machine. Raises OSError naming the mark."""
    try:
        mark.write_text(f"{platform.node()} {token}", encoding="utf-8")
    except OSError as error:
        error.filename = str(mark)
        raise


def end(mark: Path) -> bool:
    """End what is left of the stage, or the run, that left this mark on this machine; whether there was anything."""
    try:
        words = read_small(mark).decode().split()
        if len(words) == _WORDS_OF_RUN:
            return _end_run(mark, *words)
        host, group, session, began = words
        since = int(began)
    except (FileNotFoundError, ValueError):
        mark.unlink(missing_ok=True)  # killed before it had started anything
        return False
    if host != platform.node():
        return False
    was_running = False
    while left := [pid for pid in _members(group, session) if _began(pid) >= since]:
        was_running = True
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_GONE_S)
    mark.unlink(missing_ok=True)
    return was_running


def _end_run(mark: Path, host: str, token: str) -> bool:
    if host != platform.node():
        return False
    was_running = end_bearers(token)
    mark.unlink(missing_ok=True)
    return was_running


def wait_for_end(mark: Path, seconds: float) -> None:
    """Wait until the stage with this mark has ended, on whatever machine, but not for ever: it may be gone."""
    until = time.monotonic() + seconds
    while mark.exists() and time.monotonic() < until and not end(mark):
        time.sleep(_GONE_S)


def end_left_over(root: Path) -> list[str]:
    """End stages that outlived a runner which was killed together with its workers; returns their names."""
    folder = root / RUNNING
    sources.add(folder)
    return [mark.name for mark in (sorted(folder.iterdir()) if folder.is_dir() else ()) if end(mark)]


def _members(group: str, session: str) -> list[int]:
    """The processes of a group that still run."""
    pids = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - as names
        words = _stat(name) if name.isdigit() else []
        if words[2:4] == [group, session] and words[0] not in "ZX":
            pids.append(int(name))
    return pids


def _began(pid: int) -> int:
    """When a process began, in the kernel's ticks: its number alone may be another's one day."""
    words = _stat(pid)
    return int(words[19]) if words else 0


def _stat(pid: int | str) -> list[str]:
    """The kernel's words on a process after its name: state, parent, group, session; nothing if it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []
