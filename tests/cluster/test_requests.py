"""What jobs ask for, how each system is asked, and what its answers mean."""

from pathlib import Path

import pytest

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.run.jobs import sge, slurm
from morphseq_manifest.tracker.run.jobs.cluster_file import JobsFile, converted
from morphseq_manifest.tracker.run.jobs.requests import Request, amounts, request, seconds
from morphseq_manifest.tracker.run.jobs.systems import Phase

_GIB = 1 << 30


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("30m", 1800),
        ("1.5h", 5400),
        ("2d", 172800),
        ("08:00:00", 28800),
        ("00:10", 600),
        ("1-12:00:00", 129600),
        ("45s", 45),
    ],
)
def test_times_are_read(written: str, expected: int) -> None:
    assert seconds(written, "x") == expected


@pytest.mark.parametrize("written", [90, "soon", "", "1:2:3", "-1h"])
def test_what_is_not_a_time_is_refused(written: object) -> None:
    with pytest.raises(ConfigError, match=r"^x: time: .* is not a time"):
        seconds(written, "x")


def test_a_request_is_what_is_said_or_what_was_used_within_limits() -> None:
    none = Request(0, 0, 0, 0)
    assert request({}, none, None) == Request(1, _GIB, 0, 0)
    assert request({}, none, 4 * _GIB) == Request(1, 6 * _GIB, 0, 0)
    assert request({"memory": _GIB / 2, "cores": 1.5, "gpu": 1, "time": 60}, none, 9 * _GIB) == Request(
        2, _GIB // 2, 1, 60
    )
    most = none._replace(memory=3 * _GIB, time=100)
    assert request({}, most, 4 * _GIB).memory == 3 * _GIB
    assert Request(1, _GIB, 0, 60).grown(most, memory=2, time=2) == Request(1, 2 * _GIB, 0, 100)


def test_amounts_are_bytes_and_seconds() -> None:
    assert amounts({"memory": "2G", "cores": 2, "time": "1h", "warm": ["a"]}, "x") == {
        "memory": 2 * _GIB,
        "cores": 2,
        "time": 3600,
    }


def test_each_system_is_asked_in_its_own_words() -> None:
    asked = Request(8, 64 * _GIB, 1, 28800)
    assert JobsFile("slurm", queue="gpu", account="lab", directives=["--qos=high -x 'n 1'"]).spell(asked) == [
        "--partition=gpu", "--account=lab", "--qos=high", "-x", "n 1", "--cpus-per-task=8", "--mem=65536M",
        "--gres=gpu:1", "--time=480",
    ]  # fmt: skip
    assert JobsFile("sge", queue="gpu.q").spell(asked) == [
        "-q", "gpu.q", "-pe", "smp", "8", "-l", "h_vmem=8192M", "-l", "gpu=1", "-l", "h_rt=28800",
    ]  # fmt: skip
    assert JobsFile("sge", spelling={"memory": "-l mem={mib}M"}).spell(Request()) == ["-l", "mem=1024M"]


def test_a_file_that_was_written_for_dask_jobqueue_means_the_same() -> None:
    options = {
        "queue": "gpu", "cores": 1, "job_cpu": 8, "memory": "64GB", "walltime": "08:00:00", "interface": "lo",
        "job_extra_directives": ["--gres=gpu:1"], "job_script_prologue": ["source a"], "python": "/p",
        "log_directory": "x",
    }  # fmt: skip
    file = converted({"kind": "slurm", "jobs": 3, "gpus": 1, "options": options}, "f")
    assert (file.jobs, file.queue, file.python, file.prologue, file.directives) == (
        3, "gpu", "/p", ["source a"], ["--gres=gpu:1"],
    )  # fmt: skip
    assert file.needs.amounts("f") == {"cores": 8, "memory": 64 * _GIB, "time": 28800}
    with pytest.raises(ConfigError, match="quue"):
        converted({"kind": "slurm", "options": {"quue": "a"}}, "f")


def test_a_job_s_script_takes_no_word_for_more_than_it_is() -> None:
    text = JobsFile("slurm", python="/a b/python", prologue=["module load x"]).script("/n;o/node.py", "/f $x", "$I")
    assert text.splitlines()[0] == "#!/bin/bash"
    assert text.splitlines()[1] == "module load x"
    assert text.endswith("exec '/a b/python' -S -E '/n;o/node.py' '/f $x' $I\n")


def test_the_answers_of_squeue_and_sacct_are_understood() -> None:
    found = dict(slurm._states("7|PENDING|Resources\n8_3|RUNNING|None\n9|CANCELLED by 1000|0:15\n10|NODE_FAIL|0:0\n\n"))
    assert {job: (state.phase, str(state)) for job, state in found.items()} == {
        "7": (Phase.WAITING, "PENDING (Resources)"), "8_3": (Phase.RUNNING, "RUNNING"),
        "9": (Phase.OVER, "CANCELLED (0:15)"), "10": (Phase.OVER, "NODE_FAIL"),
    }  # fmt: skip


def test_what_a_job_lacked_is_told_by_its_state_or_its_log() -> None:
    grid = "failed 37  : qmaster enforced h_rt, h_cpu, or h_vmem limit, exit_status 137"
    assert {*slurm.Slurm().lacked("TIMEOUT", "")} == {"time"}
    assert {*slurm.Slurm().lacked("OUT_OF_MEMORY", "")} == {"memory"}
    assert {*slurm.Slurm().lacked("FAILED", "slurmstepd: error: Exceeded job memory limit")} == {"memory"}
    assert {*slurm.Slurm().lacked("NODE_FAIL", "")} == set()
    assert {*sge.Sge().lacked(grid, "")} == {"memory", "time"}
    assert {*sge.Sge().lacked("failed 44  : execd enforced h_rt limit, exit_status 137", "")} == {"time"}


def test_the_name_of_a_job_is_one_that_grid_engine_takes() -> None:
    assert sge._name("images@2024/x") == "images_2024_x"
    assert sge._name("7a") == "m7a"


def test_the_accounts_of_grid_engine_are_understood() -> None:
    assert sge._end({"failed": "0", "exit_status": "0"}) == "exit_status 0"
    assert sge._end({"failed": "100 : assumedly after job", "exit_status": "137 (Killed)"}).startswith("failed 100")


def test_nobody_s_python_is_another(tmp_path: Path) -> None:
    from morphseq_manifest.tracker.run.jobs import environment

    here = environment.found()
    assert environment.difference(here, here) is None
    assert environment.difference({}, here) is None
    assert "there is no python" in str(environment.difference(here, {}))
    assert "is Python 3.0" in str(environment.difference(here, here | {"version": "3.0"}))
    assert "lacks torch-9" in str(environment.difference(here | {"packages": [*here["packages"], "torch-9"]}, here))
