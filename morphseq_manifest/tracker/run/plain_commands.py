"""Commands that need no worker: started straight from the run, each first in a session of its own."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from morphseq_manifest.base import system
from morphseq_manifest.base.errors import described
from morphseq_manifest.tracker.run import process_marks, reaper
from morphseq_manifest.tracker.run.shells import in_shell, is_plain_shell
from morphseq_manifest.tracker.run.task import WORKER_LOST, Performed, Task, module_of
from morphseq_manifest.tracker.run.usage import Usage, wait

# Words in which no shell would see anything but words; the first is a program's name.
_WORDS = re.compile(r"[\w.@%+:,/-]+(?: +(?:'[^'\n]*'|[\w.@%+=:,/-]+))*")
# What a shell does by itself, or takes for the beginning of something.
_OF_SHELLS = """
. : [ alias bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc declare dirs
disown do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history
if in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt
source suspend test then time times trap true type typeset ulimit umask unalias unset until wait while
"""


def is_plain(task: Task) -> bool:
    """Whether no command of a task is a Python module that a warm worker would run, or a worker can't be forked."""
    return bool(task.wdir) or not system.FORKS or not any(module_of(command) for command in task.commands)


class PlainCommands:
    """What runs tasks of plain commands, from any number of threads; all that is started bears `token`.

    `is_closed`: what ran was ended, and nothing more begins.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self.mark: Path | None = None
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.is_closed = False

    def perform(self, task: Task) -> Performed:
        """Run a task to its end."""
        place = Path(task.root, task.wdir)
        environment = os.environ | task.env | {reaper.TOKEN: self.token, "PWD": str(place)}
        code, used = 0, None
        try:
            with Path(task.log).open("wb", buffering=0) as log:
                for command in task.commands:
                    ended = self._run(command, place, environment, log.fileno())
                    if ended is None:
                        return WORKER_LOST
                    code, used = ended[0], used + ended[1] if used and ended[1] else ended[1]
                    if code:
                        break
        except OSError as error:
            return Performed(1, described(error))
        return Performed(code, usage=used)

    def close(self) -> None:
        """End all that runs."""
        with self._lock:
            self.is_closed = True
            for process in self._running:
                _kill_group(process.pid)

    def _run(self, command: str, place: Path, environment: dict[str, str], log: int) -> tuple[int, Usage | None] | None:
        """Run a command to its end, and end what it has left running; None if none may begin.

        Its exit status, and what it used.
        """
        with self._lock:
            if self.is_closed:
                return None
            begun, now = time.perf_counter(), time.time()
            process = _start(command, place, environment, log)
            self._running.add(process)
        try:
            self._add_to_mark(process, now)
            used = _wait(process, begun)
        finally:
            with self._lock:
                self._running.discard(process)
            _kill_group(process.pid)
        return process.returncode, used

    def _add_to_mark(self, process: "subprocess.Popen[bytes]", begun: float) -> None:
        """Mark a process that has begun then; if that can't be, it is ended, and OSError raised."""
        try:
            with self._lock:
                if self.mark:
                    process_marks.add_session(self.mark, process.pid, begun)
        except OSError:
            _kill_group(process.pid)
            process.wait()
            raise


def _wait(process: "subprocess.Popen[bytes]", begun: float) -> Usage | None:
    """Wait for a process; what it used since `begun`, if the system tells."""
    try:
        process.returncode, used = wait(process.pid, begun, is_program=True)
    except ChildProcessError:  # whoever started the run has it take no notice of its children
        process.wait()
        return None
    return used


def _start(command: str, place: Path, environment: dict[str, str], log: int) -> "subprocess.Popen[bytes]":
    def start(words: list[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            words, cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    words = words_of(command)
    if words:
        try:
            return start(words)
        except OSError:
            pass  # a shell knows what to do, or to say
    return start(in_shell(command))


def words_of(command: str) -> list[str] | None:
    """The words of a command that means the same without a shell; None for any other."""
    if not _WORDS.fullmatch(command) or not is_plain_shell():
        return None
    words = shlex.split(command)
    if words[0] in _OF_SHELLS.split() or not shutil.which(words[0]):
        return None
    return words


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
