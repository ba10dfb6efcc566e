"""A small process beside a run, which ends what the run has started if the run itself is killed.

What a run starts bears a token in its environment, and so does all that this starts: thus it is found, even if the run
was killed before it had noted anything. Run as a file, so that it starts in a few ms: what takes longer to import is
imported when it is needed. It is told of the run's end on its standard input; if that ends without a word, the run was
killed.
"""

import contextlib
import re
import signal
import site
import sys
import time

TYPE_CHECKING = False  # typing's own is not worth its import here
if TYPE_CHECKING:
    from collections.abc import Callable

    import psutil

TOKEN = "MORPHSEQ_RUN"
DONE = b"."
_A_TOKEN = re.compile(r"[0-9a-f]{32}(\.[0-9a-z]+)*")
# A process that was just being started bears the token a moment later.
_AGAIN_S = 0.1
_GONE_S = 0.01


def main() -> None:
    """Wait for the end of the run whose token is given."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are for the run
    if sys.stdin.buffer.read() != DONE:
        site.main()
        end_bearers(sys.argv[1])


def end_bearers(token: str, is_too: "Callable[[psutil.Process], bool]" = lambda _: False) -> bool:
    """End all processes of this machine that bear a token, or one that begins with it; whether there were any.

    And those of which `is_too` is true.

    Raises ValueError for what is no token: it may come from a stranger's file.
    """
    if not _A_TOKEN.fullmatch(token):
        raise ValueError(token)
    found = False
    for _ in range(2):
        while _killed(token, is_too):
            found = True
            time.sleep(_GONE_S)
        time.sleep(_AGAIN_S)
    return found


def _killed(token: str, is_too: "Callable[[psutil.Process], bool]") -> bool:
    """Kill those that there are now; whether there were any. What is another user's, or has ended, bears nothing."""
    import psutil

    found = False
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            borne = process.environ().get(TOKEN, "")
            is_meant = f"{borne}.".startswith(f"{token}.") or is_too(process)
            if is_meant and process.status() != psutil.STATUS_ZOMBIE:
                process.kill()
                found = True
    return found


if __name__ == "__main__":
    main()
