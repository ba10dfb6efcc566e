"""One stage's command to run: what it is, where its output goes, and how to tell that a module will do as well."""

import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.small_files import read_own
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.dvc.stages import Stage, file_name
from morphseq_manifest.tracker.run.usage import Usage

LOGS = files.OWN / "logs"
RUNNING = files.OWN / "running"
# Where runs and the nodes of a queueing system meet.
JOBS = files.OWN / "jobs"
_WARNING = "warning: "
_TAIL_BYTES = 8192
# Nothing that a shell would take for more than words.
_MODULE = re.compile(r"python -m ([\w.]+)((?: (?:'[\w.@%+=:,/-]*'|[\w.@%+=:,/-]+))*)")


class Performed(msgspec.Struct, frozen=True):
    """How a task ended: its exit status, negative if a signal ended it, and the trouble that kept it from starting.

    `usage`: what its processes used, if it is known. `told` says more of its end than its exit status does. `made`:
    the size and md5 of each file of each output, as the node saw it that wrote them.
    """

    code: int
    trouble: str = ""
    usage: Usage | None = None
    told: str = ""
    made: dict[str, dict[str, tuple[int, str]]] = {}


# The worker process was killed before the stage ended.
WORKER_LOST = Performed(-1000)


class Seen(msgspec.Struct, frozen=True):
    """An input as the run has seen it: its md5, bytes, and files if it is a folder."""

    md5: str
    size: int
    nfiles: int | None = None


class Task(msgspec.Struct, frozen=True):
    """A stage's commands, run in `root` one after the other with output to the file `log`.

    `env` is added to the environment. `warm` are modules to import before the command's own, once a worker. `wdir` is
    the folder in `root` in which a shell runs the commands, if it is not that itself. `deps` are the inputs, `outs`
    the paths of what it makes, `kept` of those that it may find as they were.
    """

    root: str
    stage: str
    commands: list[str]
    log: str
    env: dict[str, str]
    warm: list[str]
    wdir: str = ""
    deps: dict[str, Seen] = {}
    outs: list[str] = []
    kept: list[str] = []


def make_task(stage: Stage, place: Path, env: Mapping[str, str], deps: Mapping[str, Content] | None = None) -> Task:
    """The task of running a stage of the project in `place`, without links; `deps` are its inputs as they are."""
    lines = stage.cmd if isinstance(stage.cmd, list) else stage.cmd.splitlines()
    return Task(
        root=str(place),
        stage=stage.name,
        commands=lines,
        log=str(place / LOGS / f"{file_name(stage.name)}.log"),
        env={"DVC_ROOT": str(place), "DVC_STAGE": stage.name, **env},
        warm=_warm(stage),
        wdir=stage.wdir,
        deps=_seen({path: deps[path] for path in stage.deps}) if deps else {},
        outs=[out.path for out in stage.outs],
        kept=[out.path for out in stage.outs if out.persist],
    )


def _seen(contents: Mapping[str, Content]) -> dict[str, Seen]:
    return {path: Seen(str(content.md5), content.size, content.nfiles) for path, content in contents.items()}


def _warm(stage: Stage) -> list[str]:
    """The modules that `meta` names, as far as it is ours."""
    named = stage.meta.get("warm", [])
    return [str(name) for name in named] if isinstance(named, list) else []


def module_of(command: str) -> tuple[str, list[str]] | None:
    """The module and arguments of a command that runs just these with this very interpreter; None for any other."""
    match = _MODULE.fullmatch(command)
    if match is None or not _is_this_python():
        return None
    return match[1], shlex.split(match[2])


def _is_this_python() -> bool:
    python = shutil.which("python")
    return python is not None and Path(python).parent == Path(sys.executable).parent


def log_tail(root: Path, stage: str, lines: int = 5) -> list[str]:
    """The last lines of a stage's log."""
    return _end_of_log(root, stage)[-lines:]


def log_warnings(root: Path, stage: str) -> list[str]:
    """What a stage warned of: the lines at the end of its log that begin with `warning: `, without that."""
    return [line.removeprefix(_WARNING) for line in _end_of_log(root, stage) if line.startswith(_WARNING)]


def _end_of_log(root: Path, stage: str) -> list[str]:
    try:
        return read_own(f"{root}/{LOGS}/{file_name(stage)}.log", _TAIL_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []
