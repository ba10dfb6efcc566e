"""What a cluster file says of jobs: the queueing system, how many, what each asks for, and how that is spelt here."""

import shlex
import sys
from typing import Annotated, Any

import msgspec

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.run.jobs.requests import Needs, Request, spelt
from morphseq_manifest.tracker.run.jobs.sge import Sge
from morphseq_manifest.tracker.run.jobs.slurm import Slurm
from morphseq_manifest.tracker.run.jobs.systems import System

SYSTEMS: dict[str, type[System]] = {"slurm": Slurm, "sge": Sge}
_SPELT = {
    "slurm": {"cores": "--cpus-per-task={cores}", "memory": "--mem={mib}M", "gpu": "--gres=gpu:{gpu}",
              "time": "--time={minutes}"},
    "sge": {"cores": "-pe smp {cores}", "memory": "-l h_vmem={mib_per_core}M", "gpu": "-l gpu={gpu}",
            "time": "-l h_rt={seconds}"},
}  # fmt: skip
_QUEUE = {"slurm": "--partition={}", "sge": "-q {}"}
_ACCOUNT = {"slurm": "--account={}", "sge": "-P {}"}
# What dask-jobqueue was told of its own workers and network, which plain jobs have no use for.
_OF_DASK = {
    "interface", "local_directory", "log_directory", "death_timeout", "worker_extra_args", "scheduler_options",
    "security", "shared_temp_directory", "processes", "nanny", "protocol", "name", "shebang", "project",
}  # fmt: skip

Count = Annotated[int, msgspec.Meta(ge=0)]


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """A file's `options` as dask-jobqueue had them: read as what they mean for plain jobs."""

    queue: str | None = None
    account: str | None = None
    cores: int | None = None
    job_cpu: int | None = None
    memory: str | None = None
    walltime: str | None = None
    resource_spec: str | None = None
    python: str | None = None
    job_extra_directives: list[str] = []
    job_script_prologue: list[str] = []


class JobsFile(msgspec.Struct, forbid_unknown_fields=True):
    """A cluster file for a queueing system.

    `jobs` are submitted at most at a time. `needs` are those of all stages that say nothing else, `stages` those of a
    stage or group, which come before `meta` in dvc.yaml; no job asks for more than `most`. `local` stages or groups run
    where the run is. A job that is lost is tried again `retries` times; after one that needed more memory or time, with
    `grow` times that. `patience`: how long, in seconds, to wait for files that storage does not show yet. `spelling`:
    how this system is asked for cores, memory, gpu and time.
    """

    kind: str
    jobs: Annotated[int, msgspec.Meta(ge=1)] = 100
    queue: str | None = None
    account: str | None = None
    python: str = sys.executable
    prologue: list[str] = []
    directives: list[str] = []
    needs: Needs = Needs()
    stages: dict[str, Needs] = {}
    most: Needs = Needs()
    local: list[str] = []
    retries: Count = 2
    grow: Annotated[float, msgspec.Meta(ge=1)] = 2
    patience: Annotated[float, msgspec.Meta(ge=0)] = 60
    spelling: dict[str, str] = {}

    def spell(self, request: Request) -> list[str]:
        """The options by which a job asks for this, on the system's command line."""
        named = ((_QUEUE, self.queue), (_ACCOUNT, self.account))
        lines = [spellings[self.kind].format(shlex.quote(name)) for spellings, name in named if name]
        words = [word for line in [*lines, *self.directives] for word in shlex.split(line)]
        spelling = _SPELT[self.kind] | self.spelling
        if self.kind == "sge" and request.cores == 1:
            spelling["cores"] = ""  # one slot is what each job has
        return [*words, *spelt(request, spelling)]

    def script(self, node: str, argument: str, index: str = "") -> str:
        """The shell script of a job that runs `node` for an attempt's folder, or one of an array's."""
        lines = ["#!/bin/bash"]
        for item in self.prologue:
            said = shlex.quote(f"the prologue failed: {' '.join(item.split())[:80]}")
            lines += [item, f"[ $? -eq 0 ] || {{ echo {said} >&2; exit 78; }}"]
        words = [*map(shlex.quote, [self.python, "-S", "-E", node, argument]), *([index] if index else [])]
        return "\n".join([*lines, f"exec {' '.join(words)}", ""])


def converted(values: Any, name: str) -> JobsFile:
    """A cluster file, from its values. Raises ConfigError, which begins with its name."""
    try:
        if isinstance(values.get("options"), dict):
            values = _as_now(values)
        file = msgspec.convert(values, JobsFile)
        for where, needs in {"needs": file.needs, "most": file.most, **file.stages}.items():
            needs.amounts(f"{name}: {where}")
        if unknown := file.spelling.keys() - _SPELT[file.kind].keys():
            raise ConfigError(f"{name}: spelling: {', '.join(unknown)}: only cores, memory, gpu and time can be spelt")
        file.spell(Request(2, 1 << 30, 1, 60))
    except (msgspec.ValidationError, ValueError, KeyError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{name}: not a description of a cluster: {reason}. docs/cluster.md has two") from error
    return file


def _as_now(values: dict[str, Any]) -> dict[str, Any]:
    """A file that was written for dask-jobqueue, as one is written now."""
    given = {name: value for name, value in values["options"].items() if name not in _OF_DASK}
    options = msgspec.convert(given, Options)
    needs = {"cores": options.job_cpu or options.cores, "memory": options.memory, "time": options.walltime}
    spec = [f"-l {options.resource_spec}"] if options.resource_spec else []
    account = options.account or values["options"].get("project")
    now = {
        "queue": options.queue, "account": account, "python": options.python, "prologue": options.job_script_prologue,
        "directives": [*options.job_extra_directives, *spec], "needs": needs,
    }  # fmt: skip
    kept = {name: value for name, value in values.items() if name not in {"options", "gpus"}}
    return {name: value for name, value in (now | kept).items() if value is not None}
