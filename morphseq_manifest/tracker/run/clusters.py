"""Clusters to run on: one that is there, by the address of its Dask scheduler, or one described in a small file."""

import logging
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec

from morphseq_manifest.base import files, yaml_text
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.yaml_text import NotYamlError
from morphseq_manifest.tracker.run.cluster_engine import DaskEngine
from morphseq_manifest.tracker.run.engines import Engine

_INSTALL = "Install it: `pip install 'morphseq-manifest[cluster]'`"
_CONNECT_S = 30
_SUBMITS = {"slurm": "sbatch", "sge": "qsub"}
_PROTECTED = ("tls://", "wss://")
# What Dask shows to browsers, it shows on its own machine alone.
_NOWHERE = "127.0.0.1:0"


class Cluster(msgspec.Struct, forbid_unknown_fields=True):
    """What a cluster file says: the queueing system, how many jobs, and what dask-jobqueue passes on for each job.

    `jobs` workers are asked for. `gpus`: how many GPUs each job has, for stages that need one.
    """

    kind: str
    jobs: Annotated[int, msgspec.Meta(ge=1)] = 1
    gpus: Annotated[int, msgspec.Meta(ge=0)] = 0
    options: dict[str, Any] = {}


@contextmanager
def engine(root: Path, scheduler: str | None, file: Path | None, *, insecure: bool = False) -> Iterator[Engine]:
    """The engine of a cluster: one that runs, by its scheduler's address, or one started for this block, by its file.

    Whoever reaches a scheduler runs code as its user, so that one which asks nobody who they are is refused unless
    `insecure`; one that is started here knows by TLS only the certificate that it makes for this run. Raises
    ConfigError if a cluster can't be had as asked, UnreadableError for a file that can't be read.
    """
    if scheduler is not None:
        if not (scheduler.startswith(_PROTECTED) or insecure):
            raise ConfigError(
                f"{scheduler}: a Dask scheduler without TLS does what anybody who reaches it says, as its user. "
                "Start it with certificates (tls://), or take it as it is with --insecure"
            )
        with _client(scheduler) as client:
            try:
                client.wait_for_workers(1, timeout=_CONNECT_S)
            except TimeoutError as error:
                raise ConfigError(f"{scheduler}: this Dask cluster has no workers. Start some") from error
            yield DaskEngine(client, sum(client.nthreads().values()))
    else:
        assert file is not None, "one of them is given"
        asked = read(file)
        with _started(root, asked, str(file)) as cluster, _client(cluster) as client:
            yield DaskEngine(client, asked.jobs, ["GPU"] if asked.gpus else [])


def _client(address: Any) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(f"Dask is not installed. {_INSTALL}") from error
    try:
        connect: Any = Client
        return connect(address, timeout=_CONNECT_S, set_as_default=False)
    except TypeError as error:
        raise ConfigError(f"{address}: {error}. docs/cluster.md says how Dask is told of certificates") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{address}: no Dask scheduler answers there ({error}). Is the address right?") from error


@contextmanager
def _started(root: Path, asked: Cluster, name: str) -> Iterator[Any]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        from dask_jobqueue.sge import SGECluster
        from dask_jobqueue.slurm import SLURMCluster
        from distributed import LocalCluster

        for number, handler in handlers.items():
            signal.signal(number, handler)  # dask-jobqueue takes Ctrl-C for itself when it is imported
    except ImportError as error:
        raise ConfigError(f"{name}: dask-jobqueue is not installed. {_INSTALL}") from error
    kinds = {"slurm": SLURMCluster, "sge": SGECluster, "local": LocalCluster}
    if asked.kind not in kinds:
        raise ConfigError(f"{name}: kind {asked.kind!r} is not known; there are {', '.join(kinds)}")
    submits = _SUBMITS.get(asked.kind)
    if submits and not shutil.which(submits):
        raise ConfigError(f"{name}: there is no command {submits} here. Run this on a machine that can submit jobs")
    with _certificates(root) as folder:
        try:
            cluster = kinds[asked.kind](**options_of(asked, folder))
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(f"{name}: options: {error}") from error
        with cluster:
            if asked.kind != "local":
                cluster.scale(jobs=asked.jobs)
            yield cluster


@contextmanager
def _certificates(root: Path) -> Iterator[Path]:
    """A folder for the certificate of a run, which all nodes see, and nobody else may look into.

    dask-jobqueue deletes the files in it when it is collected itself; the next run sweeps what is left.
    """
    folder = files.beside(root.resolve() / files.OWN / "certificates")
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        with suppress(OSError):
            folder.rmdir()


def options_of(asked: Cluster, certificates: Path) -> dict[str, Any]:
    """What a cluster is started with; its nodes find the run's certificate in a folder that they see too."""
    options = dict(asked.options)
    if asked.kind == "local":
        # What its processes say while they are ended is no news to anybody.
        quiet = {"host": "127.0.0.1", "dashboard_address": _NOWHERE, "silence_logs": logging.CRITICAL}
        options = {"n_workers": asked.jobs, "threads_per_worker": 1, "security": True, **quiet, **options}
        if asked.gpus:
            options["resources"] = {"GPU": asked.gpus}
        return options
    extra = [*options.get("worker_extra_args", []), "--dashboard-address", _NOWHERE]
    options["worker_extra_args"] = [*extra, *(["--resources", f"GPU={asked.gpus}"] if asked.gpus else [])]
    options["scheduler_options"] = {"dashboard_address": _NOWHERE, **options.get("scheduler_options", {})}
    return {"security": True, "shared_temp_directory": str(certificates), **options}


def read(path: Path) -> Cluster:
    """Read a cluster file. Raises as `engine` does."""
    text = files.read_text(path, "Is the path right?", "Save it as UTF-8")
    try:
        return msgspec.convert(yaml_text.load(text), Cluster)
    except (NotYamlError, msgspec.ValidationError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: not a description of a cluster: {reason}. docs/cluster.md has two") from error
