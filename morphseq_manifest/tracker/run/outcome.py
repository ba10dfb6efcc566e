"""How it ended with a stage, and who is told."""

from enum import StrEnum
from typing import Protocol

import msgspec

from morphseq_manifest.tracker.dvc.stages import Stage


class End(StrEnum):
    """How it ended with a stage."""

    RAN = "ran"
    RESTORED = "restored"
    UP_TO_DATE = "up to date"
    FAILED = "failed"
    BLOCKED = "blocked"  # a stage before it failed
    STOPPED = "stopped"  # the run was ended before it


class Result(msgspec.Struct, frozen=True):
    """A stage, how it ended, how long it ran in seconds, why it did or did not, and its entry in dvc.lock."""

    stage: str
    end: End
    seconds: float = 0
    why: str = ""
    text: str | None = None


class Watch(Protocol):
    """Who is told how it goes."""

    def started(self, stage: Stage) -> None:
        """A stage has begun to run."""
        ...

    def ended(self, result: Result) -> None:
        """It has ended with a stage."""
        ...
