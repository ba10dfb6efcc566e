"""What a stage's processes used, as the system tells it of a child that has ended and of all that this waited for."""

import os
import sys
import time
from pathlib import Path

import msgspec

# In what the system counts memory.
_UNIT = 1 if sys.platform == "darwin" else 1024
_STATUS = Path("/proc/self/status")
_peak_before = 0


class Usage(msgspec.Struct, frozen=True):
    """Seconds on the clock and of processors; the peak memory of the largest process in bytes, None if not known."""

    seconds: float
    cpu: float
    memory: int | None

    def __add__(self, later: "Usage") -> "Usage":
        known = [memory for memory in (self.memory, later.memory) if memory is not None]
        return Usage(self.seconds + later.seconds, self.cpu + later.cpu, max(known, default=None))


def wait(child: int, begun: float, *, is_program: bool = False) -> tuple[int, Usage]:
    """Wait for a child: its exit status, and what it used since `begun`, in seconds of `time.perf_counter`.

    Until a child that `is_program` of its own has become that, its memory is this process's, which the system counts:
    of one that never had more nothing is known.
    """
    _, status, used = os.wait4(child, 0)
    memory = used.ru_maxrss * _UNIT
    is_known = not is_program or memory > _peak(memory)
    usage = Usage(time.perf_counter() - begun, used.ru_utime + used.ru_stime, memory if is_known else None)
    return os.waitstatus_to_exitcode(status), usage


def _peak(doubted: int) -> int:
    """The peak memory of this process so far, in bytes; looked up anew only for what is above the last one."""
    global _peak_before
    if doubted > _peak_before:
        _peak_before = _own_peak()
    return _peak_before


def _own_peak() -> int:
    try:
        # What the system tells of the process itself counts whoever started it, too.
        (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        import resource  # on Linux nobody needs it

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
