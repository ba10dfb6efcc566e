"""Run a command with a queueing system of its own, as root on Debian.

    python -m tests.cluster.systems KIND COMMAND...

KIND is slurm or sge. What is missing of it is installed. It runs in namespaces of its own: nobody else reaches it, its
processes end with the command, and its files are in a folder that is then deleted. The exit status is that of the
command, or 69 if the system can't be had here, which is then told.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from tests.cluster.systems import grid_engine, slurm
from tests.cluster.systems.starting import NotHadError, called, name_host, wait

_KINDS: dict[str, ModuleType] = {"slurm": slurm, "sge": grid_engine}
_OWN = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
_INSTALLS_S = 120


def main() -> int:
    match sys.argv[1:]:
        case ["--inside", folder, kind, *command] if kind in _KINDS and command:
            return _inside(Path(folder), _KINDS[kind], command)
        case [kind, *command] if kind in _KINDS and command:
            return _outside(kind, command)
        case _:
            sys.exit(__doc__)


def _outside(kind: str, command: list[str]) -> int:
    """Install the system, and go on in namespaces."""
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-"))
    _install(_KINDS[kind], folder / "apt.log")
    called(*_OWN, "true")
    words = [*_OWN, sys.executable, "-m", "tests.cluster.systems", "--inside", str(folder), kind, *command]
    code = subprocess.run(words, check=False).returncode
    if code != os.EX_UNAVAILABLE:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _install(system: ModuleType, log: Path) -> None:
    if all(map(shutil.which, system.PROGRAMS)):
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise NotHadError(f"{', '.join(system.PACKAGES)} can be installed only by root, on Debian")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *system.PACKAGES]):
        with log.open("ab") as file:
            try:
                subprocess.run(
                    ["apt-get", "-qq", *words], env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                    timeout=_INSTALLS_S, check=True,
                )  # fmt: skip
            except subprocess.SubprocessError as error:
                raise NotHadError(f"{', '.join(system.PACKAGES)} can't be installed: {log} says why") from error


def _inside(folder: Path, system: ModuleType, command: list[str]) -> int:
    """Bring the system up, and run the command: as the first process, which all that lose their parents come to."""
    try:
        name_host(folder)
        environment = os.environ | system.begin(folder)
    except OSError as error:
        raise NotHadError(f"{system.__name__}: {error}") from error
    wait(lambda: system.answers(environment), f"{system.__name__}: no job runs; its logs are in {folder}")
    running = subprocess.Popen(command, env=environment)
    while True:
        number, status = os.wait()
        if number == running.pid:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotHadError as error:
        print(error, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
