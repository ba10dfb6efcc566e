"""Clusters to run on: a Dask scheduler that is there, by its address, or what a small file describes."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec

from morphseq_manifest.base import files, yaml_text
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.yaml_text import NotYamlError
from morphseq_manifest.tracker.run.cluster_engine import DaskEngine
from morphseq_manifest.tracker.run.engines import Engine
from morphseq_manifest.tracker.run.jobs.cluster_file import SYSTEMS, JobsFile, converted
from morphseq_manifest.tracker.run.jobs.engine import JobsEngine

_INSTALL = "Install it: `pip install 'morphseq-manifest[cluster]'`"
_CONNECT_S = 30
_PROTECTED = ("tls://", "wss://")
# What Dask shows to browsers, it shows on its own machine alone.
_NOWHERE = "127.0.0.1:0"


class LocalCluster(msgspec.Struct, forbid_unknown_fields=True):
    """What a cluster file of kind `local` says: how many worker processes, and what Dask is to start them with.

    `gpus`: how many GPUs each has, for stages that need one.
    """

    kind: str
    jobs: Annotated[int, msgspec.Meta(ge=1)] = 1
    gpus: Annotated[int, msgspec.Meta(ge=0)] = 0
    options: dict[str, Any] = {}


@contextmanager
def engine(
    scheduler: str | None, file: Path | None, *, insecure: bool = False, detach: bool = False
) -> Iterator[Engine]:
    """The engine of a cluster: a Dask scheduler that runs, by its address, or what a file describes.

    That is a queueing system, to which jobs are submitted when there is something to do, or Dask's workers on this
    machine, for this block. Whoever reaches a scheduler runs code as its user, so that one which asks nobody who they
    are is refused unless `insecure`. Raises ConfigError if a cluster can't be had as asked, UnreadableError for a file
    that can't be read.
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
        return
    assert file is not None, "one of them is given"
    asked = read(file)
    if isinstance(asked, JobsFile):
        submits = SYSTEMS[asked.kind].command
        if not shutil.which(submits):
            raise ConfigError(f"{file}: there is no command {submits} here. Run this on a machine that can submit jobs")
        yield JobsEngine(asked, str(file), detach=detach)
        return
    _check_dask()
    with _started(asked, str(file)) as cluster, _client(cluster) as client:
        yield DaskEngine(client, asked.jobs, ["GPU"] if asked.gpus else [])


def _check_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"Dask is not installed. {_INSTALL}") from error


def _client(address: Any) -> Any:
    _check_dask()
    from distributed import Client

    try:
        connect: Any = Client
        return connect(address, timeout=_CONNECT_S, set_as_default=False)
    except TypeError as error:
        raise ConfigError(f"{address}: {error}. docs/cluster.md says how Dask is told of certificates") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{address}: no Dask scheduler answers there ({error}). Is the address right?") from error


@contextmanager
def _started(asked: LocalCluster, name: str) -> Iterator[Any]:
    """Worker processes on this machine; what they say while they end is no news to anybody. Raises ConfigError."""
    from distributed import LocalCluster as Workers

    start: Any = Workers
    quiet = {"host": "127.0.0.1", "dashboard_address": _NOWHERE, "silence_logs": logging.CRITICAL}
    options = {"n_workers": asked.jobs, "threads_per_worker": 1, "security": True, **quiet, **asked.options}
    if asked.gpus:
        options["resources"] = {"GPU": asked.gpus}
    try:
        cluster: Any = start(**options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{name}: options: {error}") from error
    with cluster:
        yield cluster


def read(path: Path) -> LocalCluster | JobsFile:
    """Read a cluster file. Raises as `engine` does."""
    text = files.read_text(path, "Is the path right?", "Save it as UTF-8")
    try:
        values = yaml_text.load(text)
        kind = values.get("kind") if isinstance(values, dict) else None
        if isinstance(kind, str) and kind in SYSTEMS:
            return converted(values, str(path))
        asked = msgspec.convert(values, LocalCluster)
    except (NotYamlError, msgspec.ValidationError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: not a description of a cluster: {reason}. docs/cluster.md has two") from error
    if asked.kind != "local":
        raise ConfigError(f"{path}: kind {asked.kind!r} is not known; there are {', '.join(SYSTEMS)}, local")
    return asked
