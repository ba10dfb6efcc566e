"""A warm worker: a process that imports what stages need once, and forks a child for each.

It is given tasks on its standard input, a line of JSON each, and answers each with how it ended, a line of JSON each.
When its input ends, because the runner has ended or was killed, it ends what is running, and itself.
"""

import atexit
import contextlib
import importlib.util
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
import types
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from morphseq_manifest.base.errors import described
from morphseq_manifest.tracker.run import usage
from morphseq_manifest.tracker.run.shells import in_shell
from morphseq_manifest.tracker.run.task import Performed, Task, module_of
from morphseq_manifest.tracker.run.usage import Usage


def main() -> None:
    """Work until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner, which then closes the input
    tasks, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    waiting = b""
    while data := os.read(tasks, 1 << 16):
        waiting += data
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            task = msgspec.json.decode(line, type=Task)
            try:
                performed = work(task, tasks, answers)
            except OSError as error:
                performed = Performed(1, described(error))
            try:
                os.write(answers, msgspec.json.encode(performed) + b"\n")
            except BrokenPipeError:
                return  # the runner was killed, and nobody asks any more


def work(task: Task, tasks: int, answers: int) -> Performed:
    """Run a task in a child, and end with the input `tasks`. Raises OSError if the stage can't be begun."""
    os.chdir(task.root)
    for command in task.commands:
        if not task.wdir and (module := module_of(command)):
            warm(task.root, task.warm, module[0])
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # what imports have said is not the stage's
    me = os.getpid()
    trouble, of_child = os.pipe()
    os.set_blocking(trouble, False)
    child = os.fork()
    if child == 0:
        for mine in (tasks, answers):
            os.close(mine)  # kept open by what the stage starts, the runner would not see that the worker was killed
        _be_stage(task, me, of_child)
    os.close(of_child)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)  # both set it, whoever comes first
    try:
        code, used = _wait(child, tasks)
        return Performed(code, _said(trouble), used)
    finally:
        os.close(trouble)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # what the stage left running


def _wait(child: int, tasks: int) -> tuple[int, Usage]:
    """Wait for a child: its exit status, and what it used; if the input `tasks` ends before it, both end."""
    begun = time.perf_counter()
    ended, of_thread = os.pipe()
    ends: list[tuple[int, Usage]] = []

    def wait() -> None:
        ends.append(usage.wait(child, begun))
        os.close(of_thread)

    thread = threading.Thread(target=wait)
    thread.start()
    while select.select([ended, tasks], [], [])[0] == [tasks]:
        if not _is_open(tasks):
            os.killpg(child, signal.SIGKILL)
            thread.join()
            os._exit(1)
    thread.join()
    os.close(ended)
    return ends[0]


def _said(trouble: int) -> str:
    """What kept the child from beginning its stage, if something did."""
    try:
        return os.read(trouble, 1 << 16).decode(errors="replace")
    except BlockingIOError:
        return ""


def _is_open(tasks: int) -> bool:
    """Whether the input is still open; nothing else is sent while a task runs."""
    return bool(os.read(tasks, 1))


def warm(root: str, modules: list[str], stage: str) -> None:
    """Import modules, and that of a stage; what can't be imported is left to the stage, which will say so.

    The module of a stage that does its work when it is imported, not asking for `__main__`, is left alone.
    """
    if root not in sys.path:
        sys.path.insert(0, root)
    for module in [*modules, stage]:
        if module not in sys.modules:
            with contextlib.suppress(Exception, SystemExit):
                if module != stage or _asks_for_main(module):
                    importlib.import_module(module)


def _asks_for_main(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    place = Path(spec.origin) if spec and spec.origin else None
    return place is not None and place.suffix == ".py" and "__main__" in place.read_text(encoding="utf-8")


def _be_stage(task: Task, worker: int, trouble: int) -> NoReturn:
    """What the child does: run the commands as a shell would, and end with the code of the first that fails.

    What keeps it from beginning goes into the pipe `trouble`.
    """
    code = 1
    try:
        _begin(task, worker)
    except BaseException as error:  # noqa: BLE001 - said by the worker
        os.write(trouble, (described(error) if isinstance(error, OSError) else repr(error)).encode())
        os._exit(1)
    os.close(trouble)
    try:
        for number, command in enumerate(task.commands, 1):
            module = None if task.wdir else module_of(command)
            is_last = number == len(task.commands)
            if module and is_last:
                code = _run_module(task.root, *module)
            elif is_last:
                words = in_shell(command)
                os.execv(words[0], words)
            else:
                code = subprocess.run(in_shell(command), check=False).returncode
            if code:
                break
    except BaseException:  # noqa: BLE001 - goes into the stage's log, and makes it fail
        traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _begin(task: Task, worker: int) -> None:
    """Become the first of a group of processes, and write to the stage's log."""
    os.setpgid(0, 0)
    if os.getppid() != worker:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    log = os.open(task.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(task.env)
    os.chdir(Path(task.root, task.wdir))


def _run_module(root: str, module: str, arguments: list[str]) -> int:
    """Do what `python -m module` does; the exit status."""
    sys.argv = [module, *arguments]
    sys.path[:] = [root, *(path for path in sys.path if path != root)]
    sys.modules.pop(module, None)  # it was imported to be warm, and is run as __main__ now
    sys.modules["__main__"] = types.ModuleType("__main__")
    run: Any = runpy._run_module_as_main  # type: ignore[attr-defined]  # what the interpreter calls for -m
    try:
        run(module)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException as error:  # noqa: BLE001 - as the interpreter shows it, which has no frame of ours
        traceback.print_exception(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next))
        code = 1
    shut_down: Any = threading._shutdown  # type: ignore[attr-defined]  # waits for threads, as the interpreter does
    shut_down()
    atexit._run_exitfuncs()
    return code


if __name__ == "__main__":
    main()
