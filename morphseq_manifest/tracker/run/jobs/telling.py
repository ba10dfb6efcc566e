"""What a run tells of its jobs while it goes on: a line when something is new, not one for each of them."""

import time
from collections import Counter
from collections.abc import Collection

from morphseq_manifest.base.console import note
from morphseq_manifest.tracker.run.jobs.job import Job
from morphseq_manifest.tracker.run.jobs.systems import Phase

# A job that waits so long is told of, and again after so long.
_FIRST_S, _AGAIN_S = 5.0, 60.0


class Teller:
    """Tells of the jobs of one queueing system, each thing once."""

    def __init__(self, kind: str) -> None:
        self._kind, self._told, self._at = kind, "", 0.0

    def tell(self, text: str) -> None:
        """Tell something, unless it was what was told last."""
        if text != self._told:
            self._told = text
            note(text)

    def waiting(self, jobs: Collection[Job]) -> None:
        """Tell, now and then, how many jobs wait in the queue, and why in the system's words."""
        now = time.monotonic()
        waiting = [job for job in jobs if job.state.phase == Phase.WAITING and now - job.asked > _FIRST_S]
        counts = Counter(str(job.state) for job in waiting).most_common(3)
        why = ", ".join(f"{count} {state}" for state, count in counts)
        is_news = why != self._told or now > self._at + _AGAIN_S
        if waiting and is_news and now > self._at + _FIRST_S:
            self._told, self._at = why, now
            first = waiting[0]
            note(f"waiting in {self._kind}: {why}, such as job {first.id} of {first.attempt.task.stage}")
