"""Clusters: what a cluster file may say, who may reach a Dask scheduler, and what happens to stages on lost workers."""

import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from morphseq_manifest.base import system
from morphseq_manifest.base.errors import ConfigError, UnreadableError
from morphseq_manifest.tracker.run import cluster_engine, clusters
from morphseq_manifest.tracker.run.cluster_engine import DaskEngine
from morphseq_manifest.tracker.run.task import RUNNING, WORKER_LOST, Performed, Task
from tests.running import DEADLINE_S, blocks, copy_of, named, run_json, status, ticks, wait_until, words_of


def test_a_scheduler_that_asks_nobody_who_they_are_is_refused(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "first", tmp_path / "project")
    said = project.morphseq("run", "--scheduler", "tcp://127.0.0.1:1", code=2)
    assert "a Dask scheduler without TLS does what anybody who reaches it says" in said
    said = project.morphseq("run", "--scheduler", "tls://127.0.0.1:1", code=2)
    assert "docs/cluster.md says how Dask is told of certificates" in said


@pytest.mark.slow
def test_a_cluster_that_is_started_here_is_reached_by_its_certificate_from_this_machine(
    tmp_path: Path,
) -> None:
    from distributed import Client

    asked = clusters.LocalCluster("local", jobs=1)
    with clusters._started(asked, "cluster.yaml") as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://127.0.0.1:")
        assert cluster.scheduler.http_server.address == "127.0.0.1"
        with clusters._client(cluster) as client:
            assert client.submit(sum, [1, 2]).result() == 3
        for stranger in (address, address.replace("tls", "tcp")):
            with pytest.raises((OSError, TypeError)):
                Client(stranger, timeout=5, set_as_default=False)


@pytest.mark.slow
def test_a_cluster_without_workers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import Client

    monkeypatch.setattr(clusters, "_CONNECT_S", 5)
    before = set(Client._instances)
    told = tmp_path / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(told)]
    with subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler", *words]) as scheduler:
        try:
            wait_until(lambda: told.exists() and "address" in told.read_text(), "for the scheduler")
            address = json.loads(told.read_text())["address"]
            with (
                pytest.raises(ConfigError, match="has no workers") as refused,
                clusters.engine(address, None, insecure=True),
            ):
                pass
            clients = set(Client._instances) - before
            assert clients, f"kept by {refused}"
            assert {client.status for client in clients} == {"closed"}
        finally:
            scheduler.terminate()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a description of a cluster: Expected `object`, got `null`"),
        ("- a\n", "Expected `object`"), ("jobs: 2\n", "missing required field `kind`"),
        ("kind: slurm\nworkers: 3\n", "unknown field `workers`"), ("kind: slurm\njobs: many\n", "Expected `int`"),
        ("kind: slurm\njobs: 0\n", "Expected `int` >= 1"), ("kind: local\ngpus: -1\n", "Expected `int` >= 0"),
        ("kind: slurm\noptions: [a]\n", "unknown field `options`"), ("kind: [\n", "not a description of a cluster"),
        ("kind: pbs\n", "kind 'pbs' is not known; there are slurm, sge, local"),
        ("kind: slurm\noptions: {cores: 1, memory: 1GB, quue: a}\n", "unknown field `quue`"),
        ("kind: slurm\noptions: {cores: 1, memory: lots}\n", "needs: memory: 'lots' is not an amount"),
        ("kind: local\noptions: {nonsense: 1}\n", "options: "), ("\x00", "not a description of a cluster"),
    ],
)  # fmt: skip
def test_a_cluster_file_that_can_not_be_used_is_refused_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with (
        pytest.raises(ConfigError, match=f"^{re.escape(str(path))}: .*{re.escape(said)}"),
        clusters.engine(None, path),
    ):
        pass


def test_what_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableError, match="can't be read"), clusters.engine(None, tmp_path / "none.yaml"):
        pass
    (tmp_path / "latin.yaml").write_bytes(b"kind: \xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"), clusters.engine(None, tmp_path / "latin.yaml"):
        pass
    (tmp_path / "slurm.yaml").write_text("kind: slurm\noptions: {cores: 1, memory: 1GB}\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(ConfigError, match="no command sbatch here"),
        clusters.engine(None, tmp_path / "slurm.yaml"),
    ):
        pass
    monkeypatch.setattr(clusters, "_CONNECT_S", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://x", "not an address"):
        with (
            pytest.raises(ConfigError, match="no Dask scheduler answers there"),
            clusters.engine(address, None, insecure=True),
        ):
            pass
    # A client that never got its scheduler closes itself when it is collected; in the first moment of another client's
    # thread, it and that client would wait for each other.
    gc.collect()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    before = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", resources={"GPU": 1}) as cluster,
        Client(cluster, set_as_default=False) as found,
    ):
        yield found
    os.environ["PATH"] = before


def task_of(root: Path, *commands: str) -> Task:
    return Task(str(root), "a@b", list(commands), str(root / "log"), {"GIVEN": "1"}, [])


def in_thread(engine: DaskEngine, task: Task) -> tuple[threading.Thread, list[int]]:
    codes: list[Performed] = []
    thread = threading.Thread(target=lambda: codes.append(engine.perform(task, {})))
    thread.start()
    return thread, codes


def test_a_task_runs_on_the_cluster_and_what_it_says_is_in_its_log(client: Any, tmp_path: Path) -> None:
    engine = DaskEngine(client, 2)
    assert engine.perform(task_of(tmp_path, "echo $GIVEN", "exit 3"), {"gpu": 1, "memory": 10, "cores": 4}).code == 3
    assert (tmp_path / "log").read_text() == "1\n"
    assert engine.perform(task_of(tmp_path, "echo again"), {}).code == 0
    assert (tmp_path / "log").read_text() == "again\n"
    assert not list((tmp_path / RUNNING).iterdir())


def test_a_task_that_ends_as_it_is_looked_for_has_ended_well(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_engine, "_LOOK_S", 0.002)
    engine = DaskEngine(client, 2)
    assert {engine.perform(task_of(tmp_path, "exit 3"), {}).code for _ in range(100)} == {3}


def test_what_a_stage_needs_is_asked_of_workers_that_say_what_they_have(client: Any) -> None:
    assert DaskEngine(client, 2)._resources({"gpu": 1, "memory": 10, "cores": 4}) == {"GPU": 1}
    assert DaskEngine(client, 2, ["MEMORY"])._resources({"gpu": 2, "memory": 10}) == {"GPU": 2, "MEMORY": 10}


@pytest.mark.parametrize("lost", ["the worker of the cluster", "the worker of the stage", "the runner's connection"])
def test_a_stage_whose_worker_is_lost_ends_and_is_not_run_again(lost: str, client: Any, tmp_path: Path) -> None:
    from distributed import Client

    with Client(client.scheduler.address, set_as_default=False) as own:
        engine = DaskEngine(own, 2)
        command = f"echo $$ $PPID >> {tmp_path}/begun && sleep 600 && echo x >> {tmp_path}/ended"
        thread, codes = in_thread(engine, task_of(tmp_path, command))
        begun = tmp_path / "begun"
        mark = tmp_path / RUNNING / "a@b"
        wait_until(lambda: all(path.exists() and path.read_text() for path in (begun, mark)), "for the stage to begin")
        stage, worker = begun.read_text().split()
        if lost == "the runner's connection":
            engine.close()
        else:
            # If nothing is forked, the cluster's worker starts the stage itself.
            parent = words_of(worker)[1] if system.FORKS else worker
            os.kill(int(parent if lost == "the worker of the cluster" else worker), signal.SIGKILL)
        thread.join(DEADLINE_S)
    assert codes == [WORKER_LOST]
    assert begun.read_text().count("\n") == 1
    wait_until(lambda: words_of(stage)[:1] in ([], ["Z"], ["X"]), "for the stage to end")
    client.wait_for_workers(2, timeout=DEADLINE_S)
    assert DaskEngine(client, 2).perform(task_of(tmp_path, "echo well"), {}).code == 0


@pytest.mark.slow
def test_a_cluster_file_of_kind_local_runs_all_and_ctrl_c_ends_it(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    (project.root / "cluster.yaml").write_text("kind: local\njobs: 2\ngpus: 1\n")
    (project.root / "pause").write_text("0.02")
    with project.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: ticks(project) >= 10 or runner.poll() is not None, "for some stages to run")
        (project.root / "hold").touch()
        os.kill(runner.pid, signal.SIGINT)
        output, _ = runner.communicate(timeout=DEADLINE_S)
    assert (runner.returncode, "Traceback" in output) == (130, False), output
    (project.root / "hold").unlink()
    (project.root / "pause").unlink()
    finished = set(blocks(project.root))
    assert finished
    ends = run_json(project, "--cluster", "cluster.yaml")
    assert named(ends, "up to date") == finished
    assert blocks(project.root) == blocks(slow_states / "first")
    assert status(project.root) == {}
