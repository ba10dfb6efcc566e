"""What a job runs on its node: one attempt at a stage. Run as a file by any Python, with nothing installed.

    python -S -E node.py FOLDER             the attempt in this folder
    python -S -E node.py ARRAY NUMBER       the attempt in line NUMBER, from 0, of the file ARRAY

It checks the environment and the inputs, makes a place of its own, runs the commands there, lists what they made, and
writes the end file in one step. Its fence is the task file: once that is gone, somebody else is in charge, and the
commands are ended.
"""

import contextlib
import json
import os
import platform
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from morphseq_manifest.tracker.run.jobs import environment
from morphseq_manifest.tracker.run.jobs.listing import listed, md5_of
from morphseq_manifest.tracker.run.jobs.place import Place
from morphseq_manifest.tracker.run.shells import in_shell

TASK, BEGUN, READY = "task.json", "begun", "ready"
# How often to look for the fence, and how long to wait until a node sees what the driver saw.
_LOOK_S = 2.0
_LATE_S = 60.0
_AGAIN_S = 0.5
_MIB_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """Run the attempt that is asked for; the exit status is 0 if there is an end file, or nothing was to do."""
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        folder = Path(folder.read_text(encoding="utf-8").splitlines()[int(sys.argv[2])])
    try:
        task = json.loads((folder / TASK).read_text(encoding="utf-8"))
        (folder / BEGUN).touch(exist_ok=False)
    except FileNotFoundError:
        sys.exit(f"{folder}: no longer wanted")
    except FileExistsError:
        sys.exit(f"{folder}: has begun already, in another job")
    end = _attempt(task, folder)
    if (folder / TASK).exists():
        _write(Path(task["end"]), end | {"attempt": folder.name, "host": platform.node()})


def _attempt(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the attempt; what its end file says."""
    try:
        trouble = environment.difference(json.loads(Path(task["environment"]).read_bytes()), environment.found())
        trouble = f"another environment: {trouble}" if trouble else _late_inputs(task)
        if trouble:
            return {"code": 1, "trouble": f"{platform.node()}: {trouble}"}
        place = Place(task["root"], task["place"], folder.name, task["outs"], task["kept"], task["wdir"])
        place.make(task["deps"], json.loads(Path(task["others"]).read_bytes()))
        (folder / READY).touch()
        end = _Commands(task, folder).run()
        if not end["code"]:
            end["made"] = {out: listed(os.path.realpath(f"{task['place']}/{out}")) for out in task["outs"]}
    except OSError as error:
        return {"code": 1, "trouble": f"{platform.node()}: {error.filename or 'input or output'}: {error.strerror}"}
    return end


def _late_inputs(task: dict[str, Any]) -> str | None:
    """What is not as the driver saw it, once it has had time to get here."""
    until = time.monotonic() + _LATE_S
    while wrong := next((path for path, seen in task["deps"].items() if not _is_seen(task["root"], path, seen)), None):
        if time.monotonic() > until:
            return f"{wrong} is not there as the run has it (waited {_LATE_S:.0f} s)"
        time.sleep(_AGAIN_S)
    return None


def _is_seen(root: str, path: str, seen: dict[str, Any]) -> bool:
    at = os.path.join(root, path)  # noqa: PTH118
    try:
        if seen["nfiles"] is None:
            return bool(os.stat(at).st_size == seen["size"] and md5_of(at) == seen["md5"])  # noqa: PTH116
        # Files that are left out by .dvcignore are not counted there.
        return bool(sum(len(names) for _, _, names in os.walk(at)) >= seen["nfiles"])
    except OSError:
        return False


class _Commands:
    """A task's commands, one after the other, each first in a group of processes of its own."""

    def __init__(self, task: dict[str, Any], folder: Path) -> None:
        self._task, self._fence = task, folder / TASK
        self._child = 0
        self._status, self._used = 0, {"seconds": 0.0, "cpu": 0.0, "memory": 0}
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR2):
            signal.signal(number, self._end)

    def run(self) -> dict[str, Any]:
        """Run them until one fails; its exit status, and what they used."""
        log = self._log()
        for command in self._task["commands"]:
            self._run(in_shell(command), log)
            if self._status:
                break
        return {"code": self._status, **self._used}

    def _log(self) -> int:
        """The stage's log, as a new file: one who writes to an earlier one does not write here."""
        path = Path(self._task["log"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)

    def _run(self, words: list[str], log: int) -> None:
        begun, ended = time.monotonic(), threading.Event()
        self._child = os.fork()
        if not self._child:
            self._become(words, log)
        with contextlib.suppress(OSError):
            os.setpgid(self._child, self._child)  # both set it, whoever comes first

        def wait() -> None:
            _, status, used = os.wait4(self._child, 0)
            self._status = os.waitstatus_to_exitcode(status)
            self._used["seconds"] += time.monotonic() - begun
            self._used["cpu"] += used.ru_utime + used.ru_stime
            self._used["memory"] = max(self._used["memory"], used.ru_maxrss * _MIB_UNIT)
            ended.set()

        threading.Thread(target=wait).start()
        while not ended.wait(_LOOK_S):
            if _is_gone(self._fence):
                self._kill()
        self._kill()  # what it has left running

    def _become(self, words: list[str], log: int) -> NoReturn:
        """What the child does."""
        try:
            os.setpgid(0, 0)
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR2):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            folder = os.path.join(self._task["place"], self._task["wdir"]).rstrip("/")  # noqa: PTH118
            os.chdir(folder)
            os.execvpe(words[0], words, os.environ | self._task["env"] | {"PWD": folder})
        except BaseException as error:  # noqa: BLE001 - goes into the stage's log
            os.write(2, f"{error}\n".encode())
        os._exit(126)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child, signal.SIGKILL)

    def _end(self, number: int, _: object) -> NoReturn:
        """The queueing system ends this job: so do the commands."""
        if self._child:
            self._kill()
        os._exit(128 + number)


def _is_gone(path: Path) -> bool:
    """Whether a file is surely not there: of storage that does not answer nothing is known."""
    try:
        return not path.exists()
    except OSError:
        return False


def _write(path: Path, end: dict[str, Any]) -> None:
    """Write the end file in one step."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(end, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


if __name__ == "__main__":
    main()
