"""What a run starts ends with it, however it ends: each process bears a token, and a reaper ends what bears it."""

import contextlib
import os
import subprocess
import sys
import threading
import uuid

from morphseq_manifest.tracker.run import reaper


class Reaping:
    """The reaper of a run, and the tokens that it knows: `token`, and all that begin with it and a dot."""

    def __init__(self) -> None:
        above = os.environ.get(reaper.TOKEN)  # a run that a stage of another has started ends with that
        self.token = f"{above}.{uuid.uuid4().hex}" if above else uuid.uuid4().hex
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Have the reaper at work, before anything is started. Raises OSError."""
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", reaper.__file__, self.token], cwd="/", bufsize=0,
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip

    def end(self) -> None:
        """Let the reaper go: all that was started has ended."""
        with self._lock:
            if self._process is None:
                return
            assert self._process.stdin
            with contextlib.suppress(OSError):  # somebody has killed it
                self._process.stdin.write(reaper.DONE)
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.wait()
            self._process = None
