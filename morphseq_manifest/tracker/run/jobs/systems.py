"""What the engine asks of a queueing system; each is a small module that speaks its commands."""

import subprocess
from collections.abc import Collection, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol

from morphseq_manifest.base.errors import MorphseqError
from morphseq_manifest.tracker.run.jobs.requests import Request

# A controller that is busy may need so long for an answer.
_ANSWER_S = 60
_LONGEST = 300
_UNSURE = {"NODE_FAIL", "BOOT_FAIL"}


class Phase(Enum):
    """Where a job is: in the queue, at work, or over."""

    WAITING = "waiting"
    RUNNING = "running"
    OVER = "over"


class JobState(NamedTuple):
    """A job's phase, its state in the system's own words, and the reason that the system gives for it."""

    phase: Phase
    word: str
    reason: str = ""

    @property
    def may_go_on(self) -> bool:
        """Whether its processes may still be at work: also of one that is over since its node does not answer."""
        return self.phase != Phase.OVER or self.word in _UNSURE

    def __str__(self) -> str:
        return f"{self.word} ({self.reason})" if self.reason else self.word


class Submission(NamedTuple):
    """A job to submit, or an array of `tasks` (0: a single job): its shell script, name, log and request."""

    script: str
    name: str
    root: Path
    log: Path
    request: Request
    words: Sequence[str]
    tasks: int = 0


class System(Protocol):
    """A queueing system. `index` is what a script calls the number of its task in an array, counted from `first`."""

    kind: str
    command: str
    index: str
    first: int

    def submit(self, asked: Submission) -> list[str]:
        """Submit a job or an array; the id of each of its tasks. Raises RefusedError, BusySystemError."""
        ...

    def poll(self, ids: Collection[str]) -> dict[str, JobState]:
        """The state of those of these jobs that the system knows, by one call. Raises BusySystemError."""
        ...

    def past(self, ids: Collection[str]) -> dict[str, JobState]:
        """How those ended that the system has put away, as far as it keeps books. Raises nothing."""
        ...

    def lacked(self, word: str, log: str) -> Collection[str]:
        """What a job lacked that ended in this state, `memory` or `time`; `log` is the end of what was said of it."""
        ...

    def cancel(self, ids: Collection[str]) -> None:
        """End these jobs, as far as they have not ended. Raises BusySystemError."""
        ...


class RefusedError(MorphseqError):
    """The system does not take a job as it was asked for, and will not later."""


class BusySystemError(MorphseqError):
    """The system did not answer, or takes no more jobs at the moment."""


def call(words: Sequence[str], text: str = "") -> "subprocess.CompletedProcess[str]":
    """Call a command of a queueing system. Raises BusySystemError if it can't be started or does not answer."""
    try:
        return subprocess.run(
            words, input=text, capture_output=True, encoding="utf-8", errors="replace", timeout=_ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BusySystemError(f"{words[0]} has not answered for {_ANSWER_S} s") from error
    except OSError as error:
        raise BusySystemError(f"{words[0]} can't be started: {error.strerror}") from error


def said(ended: "subprocess.CompletedProcess[str]") -> str:
    """What a command that failed has said, on one line."""
    text = " ".join((ended.stderr.strip() or ended.stdout.strip()).split())
    return text[:_LONGEST] or f"exit status {ended.returncode}"
