"""A small process beside a run, which ends what the run has started if the run itself is killed.

What a run starts bears a token in its environment, and so does all that this starts: thus it is found, even if the run
was killed before it had noted anything. Run as a file, so that it starts in a few ms: nothing of this project is
imported here. It is told of the run's end on its standard input; if that ends without a word, the run was killed.
"""

import contextlib
import os
import signal
import sys
import time

TOKEN = "MORPHSEQ_RUN"
DONE = b"."
# A process that was just being started bears the token a moment later.
_AGAIN_S = 0.1
_GONE_S = 0.01


def main() -> None:
    """Wait for the end of the run whose token is given."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are for the run
    if sys.stdin.buffer.read() != DONE:
        end_bearers(sys.argv[1])


def end_bearers(token: str) -> bool:
    """End all processes of this machine that bear a token; whether there were any. Linux tells who bears it."""
    found = False
    for _ in range(2):
        while bearers := _bearing(f"{TOKEN}={token}".encode()):
            found = True
            for pid in bearers:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_GONE_S)
        time.sleep(_AGAIN_S)
    return found


def _bearing(entry: bytes) -> list[int]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - as names
    except FileNotFoundError:
        return []  # another system: what was started is known to the run alone
    return [int(name) for name in names if name.isdigit() and _bears(name, entry)]


def _bears(pid: str, entry: bytes) -> bool:
    """Whether a process that runs, not one that has ended and is only waited for, was given this."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - this starts without pathlib
            return entry in file.read().split(b"\0")
    except OSError:
        return False  # it has ended, or is another user's


if __name__ == "__main__":
    main()
