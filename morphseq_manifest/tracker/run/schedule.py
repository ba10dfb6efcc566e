"""How long stages take together: they are given out as a run gives them out, on a clock of their own."""

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from morphseq_manifest.tracker.run.capacity import Capacity
from morphseq_manifest.tracker.run.queueing import Queue

# Stages that are restored, or wait for a GPU, do not keep others from running.
MORE_THREADS = 8


class Schedule(NamedTuple):
    """Seconds on the clock, and the most memory (bytes) of the stages that run at the same time."""

    seconds: float
    memory: int


def schedule(
    order: Sequence[str],
    before: Mapping[str, Sequence[str]],
    seconds: Mapping[str, float],
    memory: Mapping[str, int],
    needs: Mapping[str, Mapping[str, float]],
    capacity: Capacity,
    jobs: int,
) -> Schedule:
    """The schedule of stages in their order; what is not in `seconds` or `memory` is 0. `needs` as the capacity's."""
    queue = Queue(order, before)
    waiting: list[str] = []
    running: list[tuple[float, int, str, list[str]]] = []
    now, held, most = 0.0, 0, 0
    for number in range(len(order) + 1):
        while len(waiting) + len(running) < jobs + MORE_THREADS and (name := queue.next()):
            waiting.append(name)
        for name in [*waiting]:
            devices = capacity.take(needs[name])
            if devices is not None:
                waiting.remove(name)
                heapq.heappush(running, (now + seconds.get(name, 0), number + len(waiting), name, devices))
                held += memory.get(name, 0)
        most = max(most, held)
        if not running:
            break
        now, _, name, devices = heapq.heappop(running)
        capacity.give_back(needs[name], devices)
        held -= memory.get(name, 0)
        queue.ended(name)
    return Schedule(now, most)
