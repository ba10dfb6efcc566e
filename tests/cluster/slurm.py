"""A SLURM of this machine alone, on loopback: `python -m tests.cluster.slurm up FOLDER`, and `down FOLDER`.

For tests, as root on Debian. All of it, keys, settings, logs and sockets, is in FOLDER; programs find it by the
variable SLURM_CONF, whose value `up` prints.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

_PACKAGES = ("slurm-wlm", "munge")
_PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")
_BEGINS_S = 90
_NAMES = {"slurmctld", "slurmd", "munged"}


def up(folder: Path) -> Path:
    """Bring it up, if it is not: the file with its settings. Exits with a message if that can't be."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "slurm.conf"
    if settings.exists() and _answers(settings):
        return settings
    if os.geteuid():
        sys.exit("only root can bring a SLURM up")
    if not all(map(shutil.which, _PROGRAMS)):
        _install(folder)
    _start_munge(folder)
    settings.write_text("".join(f"{name}={value}\n" for name, value in _settings(folder).items()))
    for program in ("slurmctld", "slurmd"):
        _run(folder, program, "-f", str(settings))
    until = time.monotonic() + _BEGINS_S
    while not _answers(settings):
        if time.monotonic() > until:
            sys.exit(f"SLURM does not run jobs; its logs are in {folder}")
        time.sleep(1)
    return settings


def _settings(folder: Path) -> dict[str, str]:
    """All that is not as SLURM has it by itself. Memory is looked after by asking for it: there are no cgroups here."""
    host, memory = socket.gethostname().partition(".")[0], psutil.virtual_memory().total * 9 // 10 >> 20
    node = f"{host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={memory}"
    return {
        "ClusterName": "tests", "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmctldPort": "16817", "SlurmdPort": "16818", "CommunicationParameters": "NoInAddrAny,NoCtldInAddrAny",
        "SlurmUser": "root", "SlurmdUser": "root",
        "AuthType": "auth/munge", "AuthInfo": f"socket={folder}/munge.socket",
        "StateSaveLocation": f"{folder}/state", "SlurmdSpoolDir": f"{folder}/spool",
        "SlurmctldPidFile": f"{folder}/slurmctld.pid", "SlurmdPidFile": f"{folder}/slurmd.pid",
        "SlurmctldLogFile": f"{folder}/slurmctld.log", "SlurmdLogFile": f"{folder}/slurmd.log",
        "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none", "SwitchType": "switch/none",
        "MpiDefault": "none", "SelectType": "select/cons_tres", "SelectTypeParameters": "CR_Core_Memory",
        "JobAcctGatherType": "jobacct_gather/linux", "JobAcctGatherFrequency": "task=2",
        "JobAcctGatherParams": "OverMemoryKill,UsePss", "KillWait": "5", "ReturnToService": "2",
        "SlurmdParameters": "config_overrides", "SchedulerParameters": "batch_sched_delay=0,sched_interval=2",
        "NodeName": node, "PartitionName": f"main Nodes={host} Default=YES DefMemPerCPU=1000",
    }  # fmt: skip


def _install(folder: Path) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *_PACKAGES]):
        with (folder / "apt.log").open("ab") as log:
            done = subprocess.run(["apt-get", "-qq", *words], env=environment, stdout=log, stderr=log, check=False)
        if done.returncode:
            sys.exit(f"{', '.join(_PACKAGES)} can't be installed: {folder}/apt.log says why")


def _start_munge(folder: Path) -> None:
    """What the programs know each other by."""
    inside = folder / "munge"
    for made in (inside, folder / "state", folder / "spool"):
        made.mkdir(mode=0o700, exist_ok=True)
    key = inside / "key"
    if not key.exists():
        key.touch(0o400)
        key.write_bytes(os.urandom(128))
    places = {"key": key, "log": inside / "log", "pid": folder / "munged.pid", "seed": inside / "seed"}
    options = [f"--{name}-file={place}" for name, place in places.items()]
    _run(folder, "munged", "--force", f"--socket={folder}/munge.socket", *options)


def _run(folder: Path, *words: str) -> None:
    """Start a program that goes on by itself."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{words[0]} does not start: {done.stderr.strip()}; logs are in {folder}")


def _answers(settings: Path) -> bool:
    """Whether a job runs; a machine that was taken out is taken in again."""
    environment = os.environ | {"SLURM_CONF": str(settings)}

    def ask(*words: str) -> str:
        try:
            done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout.strip()

    if ask("sinfo", "--noheader", "--format=%T") not in {"idle", "mixed", "allocated"}:
        ask("scontrol", "update", f"nodename={socket.gethostname().partition('.')[0]}", "state=resume")
        return False
    return ask("srun", "--ntasks=1", "--time=1", "echo", "runs") == "runs"


def down(folder: Path) -> None:
    """End it."""
    for path in folder.glob("*.pid"):
        number = int(path.read_text() or 0)
        if psutil.pid_exists(number) and psutil.Process(number).name() in _NAMES:
            os.kill(number, signal.SIGTERM)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", name]:
            print(up(Path(name).resolve()))
        case ["down", name]:
            down(Path(name).resolve())
        case _:
            sys.exit(__doc__)
