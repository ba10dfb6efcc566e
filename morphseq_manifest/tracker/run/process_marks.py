"""Marks of the stages that run, so that what outlives its runner and its reaper can be found and ended."""

import platform
import time
from pathlib import Path

from morphseq_manifest.base import sources
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.run.reaper import end_bearers
from morphseq_manifest.tracker.run.task import RUNNING

_GONE_S = 0.01


def leave(mark: Path, token: str) -> None:
    """Mark that what bears this token, on this machine, is a stage. Raises OSError naming the mark."""
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(f"{platform.node()} {token}", encoding="utf-8")
    except OSError as error:
        error.filename = str(mark)  # which a write does not say
        raise


def end(mark: Path) -> bool:
    """End what is left of the stage that left this mark on this machine; whether there was anything."""
    try:
        host, token = read_small(mark).decode().split()
        if host != platform.node():
            return False
        was_running = end_bearers(token)
    except (FileNotFoundError, ValueError):
        mark.unlink(missing_ok=True)  # killed before it had started anything
        return False
    mark.unlink(missing_ok=True)
    return was_running


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
