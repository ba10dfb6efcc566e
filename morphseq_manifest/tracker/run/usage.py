"""What a stage's processes used, as the system tells it of a child that has ended and of all that this waited for."""

import os
import sys
import time

import msgspec

# In what the system counts memory.
_UNIT = 1 if sys.platform == "darwin" else 1024


class Usage(msgspec.Struct, frozen=True):
    """Seconds on the clock and of processors; the peak memory of the largest process in bytes, None if not known."""

    seconds: float
    cpu: float
    memory: int | None

    def __add__(self, later: "Usage") -> "Usage":
        known = [memory for memory in (self.memory, later.memory) if memory is not None]
        return Usage(self.seconds + later.seconds, self.cpu + later.cpu, max(known, default=None))


def wait(child: int, begun: float, before: int = 0) -> tuple[int, Usage]:
    """Wait for a child: its exit status, and what it used since `begun`, in seconds of `time.perf_counter`.

    Until a child that was started has become another program, its memory is its parent's, and the system counts that:
    what is not more than `before`, in bytes, says nothing of the child.
    """
    _, status, used = os.wait4(child, 0)
    memory = used.ru_maxrss * _UNIT
    usage = Usage(time.perf_counter() - begun, used.ru_utime + used.ru_stime, memory if memory > before else None)
    return os.waitstatus_to_exitcode(status), usage


def own_memory() -> int:
    """The peak memory of this process so far, in bytes."""
    import resource  # what has run nothing needs none of it

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
