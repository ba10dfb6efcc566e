"""The outcome of a stage, and who observes it."""

from typing import Protocol

import msgspec

from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.history import Took


class End(Outcome):
    """How a stage of a run ended."""

    RAN = "ran", "it ran, and what it made is recorded", "green"
    RESTORED = "restored", "what it made before of the same was brought back from DVC's cache", "cyan"
    COMMITTED = "committed", "data that had changed was taken into DVC's cache, and recorded in its .dvc file", "green"
    UP_TO_DATE = "up to date", "everything was as recorded", "green"
    FAILED = "failed", "its command failed, or what it made could not be recorded", "red"
    BLOCKED = "blocked", "a stage before it failed", "yellow"
    STOPPED = "stopped", "the run was ended before it", "yellow"


class Result(msgspec.Struct, frozen=True):
    """A stage, its outcome, how long it ran in seconds, why it ran or did not, and its entry for dvc.lock.

    `took`: what it took, for predictions, if it ran and that is known.
    """

    stage: str
    end: End
    seconds: float = 0
    why: str = ""
    text: str | None = None
    took: Took | None = None


class Watch(Protocol):
    """Who observes a run."""

    def started(self, stage: Stage) -> None:
        """A stage has begun to run."""
        ...

    def ended(self, result: Result) -> None:
        """A stage has ended."""
        ...
