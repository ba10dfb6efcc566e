"""Commands of which the k-th call of a kind fails, or kills its process: by a library loaded before the C library."""

import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.project import Project

# What can be made to fail, and how: errnos by name; `short` writes half; `kill` ends the process.
FAILURES = {
    "open": ("EACCES", "EIO", "ENOSPC", "EMFILE"),
    "read": ("EIO",),
    "write": ("ENOSPC", "EIO", "short"),
    "fsync": ("EIO", "ENOSPC"),
    "rename": ("EIO", "EACCES", "ENOSPC"),
    "link": ("EACCES", "EIO", "ENOSPC"),
}
HANGS_S = 60
_HERE = Path(__file__).parent


class Fault(NamedTuple):
    """The k-th call of a kind, from 1, and how it fails; 0 only counts."""

    call: str
    at: int
    how: str


class Ended(NamedTuple):
    """How a command ended: its exit status (None: it hung), what it said, and how many calls of the kind it made."""

    code: int | None
    output: str
    calls: int

    def faults(self, codes: tuple[int, ...]) -> list[str]:
        """What must never happen, whatever failed: no end, a traceback, another exit status than these."""
        if self.code is None:
            return [f"it hangs:\n{self.output}"]
        never = {"Traceback": "a traceback", "input or output": "a message that names no file"}
        found = [f"{what}:\n{self.output}" for word, what in never.items() if word in self.output]
        return found if self.code in codes else [*found, f"exit status {self.code}:\n{self.output}"]


def hinders() -> str:
    """Why no call can be made to fail here."""
    return "" if shutil.which("cc") and os.uname().sysname == "Linux" else "no C compiler, or not Linux"


@cache
def library() -> Path:
    """The library, compiled once a process."""
    made = Path(tempfile.mkdtemp(prefix="failing-")) / "failing.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", made, _HERE / "failing.c", "-ldl"], check=True, capture_output=True
    )
    return made


def run(project: Project, command: tuple[str, ...], fault: Fault, only: str = "morphseq") -> Ended:
    """Run a command in which a call fails that a process with the word `only` in its command line makes."""
    count = project.root.parent / "calls"
    count.write_bytes(bytes(8))
    how = fault.how if fault.how in {"short", "kill"} else str(_errno(fault.how))
    environment = project.environment() | {
        "LD_PRELOAD": str(library()), "FAULT_ROOT": str(project.root), "FAULT_ONLY": only, "FAULT_COUNT": str(count),
        "FAULT_CALL": fault.call, "FAULT_AT": str(fault.at), "FAULT_HOW": how,
    }  # fmt: skip
    with subprocess.Popen(
        command, cwd=project.root, env=environment, text=True, start_new_session=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        code: int | None
        try:
            output, _ = process.communicate(timeout=HANGS_S)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            code = None
    return Ended(code, output, int.from_bytes(count.read_bytes(), "little"))


def _errno(name: str) -> int:
    import errno

    number: int = getattr(errno, name)
    return number
