"""A SLURM of one machine. All of it, keys, settings, logs and sockets, is in one folder."""

import os
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.cluster.systems.starting import HOST, called, said

PACKAGES = ("slurm-wlm", "munge")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")
# Where programs look that are told nothing.
_ETC = Path("/etc/slurm")


def begin(folder: Path) -> dict[str, str]:
    """Start its programs; the variables by which others find it. Raises NotHadError."""
    _start_munge(folder)
    (folder / "etc").mkdir()
    settings = folder / "etc/slurm.conf"
    settings.write_text("".join(f"{name}={value}\n" for name, value in _settings(folder).items()))
    _ETC.mkdir(exist_ok=True)
    called("mount", "--bind", str(folder / "etc"), str(_ETC))
    for program in ("slurmctld", "slurmd"):
        called(program)
    return {"SLURM_CONF": str(_ETC / "slurm.conf")}


def answers(environment: Mapping[str, str]) -> bool:
    """Whether a job runs; a machine that was taken out is taken in again."""
    if said("sinfo", "--noheader", "--format=%T", environment=environment) not in {"idle", "mixed", "allocated"}:
        said("scontrol", "update", f"nodename={HOST}", "state=resume", environment=environment)
        return False
    return said("srun", "--ntasks=1", "--time=1", "echo", "runs", environment=environment) == "runs"


def _settings(folder: Path) -> dict[str, str]:
    """All that is not as SLURM has it by itself. Memory is looked after by asking for it: there are no cgroups here."""
    memory = psutil.virtual_memory().total * 9 // 10 >> 20
    node = f"{HOST} CPUs={os.cpu_count()} RealMemory={memory}"
    return {
        "ClusterName": "tests", "SlurmctldHost": HOST,
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
        "NodeName": node, "PartitionName": f"main Nodes={HOST} Default=YES DefMemPerCPU=1000",
    }  # fmt: skip


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
    called("munged", "--force", f"--socket={folder}/munge.socket", *options)
