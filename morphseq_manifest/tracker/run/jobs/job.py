"""A job of a queueing system, which makes an attempt at a stage, and how it ended."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.run.jobs.folder import Attempt
from morphseq_manifest.tracker.run.jobs.requests import Request
from morphseq_manifest.tracker.run.jobs.systems import JobState, Phase

_TAIL_BYTES, _TAIL_LINES = 4096, 3


class End(msgspec.Struct, frozen=True):
    """What an end file says."""

    attempt: str
    code: int
    host: str
    trouble: str = ""
    seconds: float = 0
    cpu: float = 0
    memory: int = 0
    made: dict[str, dict[str, tuple[int, str]]] = {}


@dataclass(frozen=True)
class Lost:
    """A job that left no end file: how it ended in the system's words, and the last its log says.

    `is_bad`: another would fare no better.
    """

    how: str
    log: str = ""
    is_bad: bool = False


@dataclass(eq=False)
class Job:
    """An attempt to be made by a job; its `outcome` is there once `ended` is set; it is None if nobody waits for it."""

    attempt: Attempt
    request: Request
    name: str
    begun: Callable[[], None]
    id: str = ""
    log: Path | None = None
    state: JobState = field(default_factory=lambda: JobState(Phase.WAITING, "not submitted"))
    gone: float | None = None
    asked: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)
    outcome: End | Lost | None = None
    is_running: bool = False

    def log_end(self) -> str:
        """The last lines of what the job itself said, on one line."""
        if self.log is None:
            return ""
        try:
            lines = read_small(self.log, _TAIL_BYTES).decode(errors="replace").splitlines()
        except OSError:
            return ""
        return " / ".join(line.strip() for line in lines[-_TAIL_LINES:])

    def keep_log(self) -> None:
        """Put what the job itself said, if it said anything, beside the log of its stage. Raises OSError."""
        beside = f"{self.attempt.task.log.removesuffix('.log')}.job"
        with contextlib.suppress(FileNotFoundError):
            if self.log and os.path.getsize(self.log):  # noqa: PTH202
                os.replace(self.log, beside)  # noqa: PTH105
                return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)  # noqa: PTH108


def read_end(path: Path) -> End | Lost:
    """What an end file says; what can't be read is a job lost."""
    try:
        return msgspec.json.decode(read_small(path), type=End)
    except (OSError, msgspec.MsgspecError) as error:
        return Lost(f"{path}: its end file can't be read ({error})")
