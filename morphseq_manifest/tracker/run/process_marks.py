"""Marks of the stages that run, so that what outlives its runner and its reaper can be found and ended."""

import os
import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from morphseq_manifest.base import sources
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.run.reaper import end_bearers
from morphseq_manifest.tracker.run.task import RUNNING

if TYPE_CHECKING:
    import psutil

_GONE_S = 0.01
# So long may pass between a look at the clock and the beginning of a process; a clock that is set right moves both.
_CLOCK_S = 2.0


def leave(mark: Path, token: str) -> None:
    """Mark that what bears this token, on this machine, is a stage. Raises OSError naming the mark."""
    with _naming(mark):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(f"{platform.node()} {token}", encoding="utf-8")


def add_session(mark: Path, leader: int, begun: float) -> None:
    """Add to a mark that the session whose leader has `begun` then (seconds since 1970) is the stage's.

    By that, too, what has no token is known. Raises OSError naming the mark.
    """
    with _naming(mark), mark.open("a", encoding="utf-8") as file:
        file.write(f" {leader}:{begun}")


@contextmanager
def _naming(mark: Path) -> Iterator[None]:
    """Have an OSError of this block name the mark, which a write does not."""
    try:
        yield
    except OSError as error:
        error.filename = str(mark)
        raise


def end(mark: Path) -> bool:
    """End what is left of the stage that left this mark on this machine; whether there was anything."""
    try:
        host, token, *sessions = read_small(mark).decode().split()
        if host != platform.node():
            return False
        root, ours = mark.parents[len(RUNNING.parts)].resolve(), _still_ours(sessions)

        def is_of_session(process: "psutil.Process") -> bool:
            """Whether a process is of such a session and works in the project: a mark may be a stranger's."""
            return os.getsid(process.pid) in ours and Path(process.cwd()).is_relative_to(root)

        was_running = end_bearers(token, is_of_session)
    except (FileNotFoundError, ValueError):
        mark.unlink(missing_ok=True)  # killed before it had started anything
        return False
    mark.unlink(missing_ok=True)
    return was_running


def _still_ours(sessions: Iterable[str]) -> set[int]:
    """Of sessions as a mark names them, those whose leader is the same or has ended, not another of that number.

    Raises ValueError.
    """
    import psutil

    found = set()
    for session in sessions:
        leader, _, begun = session.partition(":")
        try:
            if abs(psutil.Process(int(leader)).create_time() - float(begun)) > _CLOCK_S:
                continue
        except psutil.NoSuchProcess:
            pass
        found.add(int(leader))
    return found


def wait_for_end(mark: Path, seconds: float) -> None:
    """Wait until the stage with this mark has ended, on whatever machine, but not for ever: it may be gone."""
    until = time.monotonic() + seconds
    while mark.exists() and time.monotonic() < until and not end(mark):
        time.sleep(_GONE_S)


def end_left_over(root: Path) -> list[str]:
    """End stages that outlived a runner which was killed together with its reaper; returns their names."""
    folder = root / RUNNING
    sources.add(folder)
    return [mark.name for mark in (sorted(folder.iterdir()) if folder.is_dir() else ()) if end(mark)]
