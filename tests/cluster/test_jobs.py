"""Runs in a queueing system: the same result as here, and nothing that hangs, whatever becomes of the jobs."""

import os
import signal
from pathlib import Path

import pytest

from tests import toy
from tests.cluster.conftest import Make
from tests.cluster.fake_queue import Queue
from tests.project import Project, replace_file
from tests.running import DEADLINE_S, MIXED, copy_of, differences, ended, named, run_json, state_of, status, wait_until

JOBS = Path(".dvc/tmp/morphseq/jobs")
ONE = "stages:\n  one: {cmd: echo 1 > one.txt, outs: [one.txt]}\n"
_MANY = """\
stages:
  n:
    foreach: [a, b, c, d, e]
    do: {cmd: 'echo ${item} > ${item}.txt', outs: ['${item}.txt']}
"""
# A stage that says that it has begun, waits while there is a file `wait`, and then reads its input.
_SLOW = """\
stages:
  slow:
    cmd:
      - echo $$ >> begun; v=$(cat in.txt); mkdir out; echo $v > out/1; while [ -e wait ]; do sleep 0.02; done
      - cp out/1 out/2
    deps: [in.txt]
    outs: [out]
"""


@pytest.fixture
def slow(make: Make) -> Project:
    project = make(_SLOW)
    (project.root / "in.txt").write_text("first\n")
    (project.root / "begun").touch()
    (project.root / "wait").touch()
    return project


def begun(project: Project) -> list[str]:
    return (project.root / "begun").read_text().split()


def run(project: Project, *words: str, code: int = 0) -> str:
    return project.morphseq("run", "--cluster", "cluster.yaml", *words, code=code)


def left_over(project: Project) -> list[str]:
    return sorted(str(path) for name in ("attempts", "ends") for path in (project.root / JOBS / name).iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slurm", "sge"])
def test_a_run_leaves_what_a_run_here_leaves(kind: str, queue: Queue, tmp_path: Path) -> None:
    here = toy.write(tmp_path / "here", MIXED)
    there = copy_of(here.root, tmp_path / "there")
    (there.root / "cluster.yaml").write_text(f"kind: {kind}\nlocal: [df01]\n")
    (there.root / ".git/info/exclude").write_text("cluster.yaml\n")
    run_json(here)
    assert set(run_json(there, "--cluster", "cluster.yaml").values()) == {"ran"}
    assert differences(state_of(there.root), state_of(here.root)) == []
    assert status(there.root) == {}
    assert left_over(there) == []
    before = len(queue.jobs())
    assert before >= 6
    for project in (here, there):
        project.setting("model_name", "b")
    run_json(here)
    assert named(run_json(there, "--cluster", "cluster.yaml"), "ran") != set()
    assert differences(state_of(there.root), state_of(here.root)) == []


def test_what_is_alike_is_one_array(queue: Queue, make: Make) -> None:
    project = make(_MANY)
    queue.hold()
    with project.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: len(queue.jobs()) == 5, "for the jobs")
        queue.release()
        assert runner.wait(DEADLINE_S) == 0
    assert len(queue.calls("sbatch")) < 5
    assert any("--array=0-" in call and "--job-name=n" in call for call in queue.calls("sbatch"))
    assert (project.root / "e.txt").read_text() == "e\n"


def test_nothing_is_submitted_if_nothing_is_to_do_or_nothing_can_be(queue: Queue, make: Make) -> None:
    project = make(ONE)
    project.morphseq("run")
    run(project)
    (project.root / "params.yaml").write_text('experiments: {"20250101": {}}\n')
    (project.root / "dvc.yaml").write_text("stages:\n  one: {cmd: a, meta: {memory: lots}}\n")
    assert "'lots' is not an amount" in run(project, code=2)
    (project.root / "dvc.yaml").write_text("stages:\n  one: {cmd: a, meta: {time: 90}}\n")
    assert "90 is not a time" in run(project, code=2)
    assert queue.jobs() == []


def test_a_job_that_is_lost_is_told_and_made_again(queue: Queue, slow: Project) -> None:
    with slow.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: len(begun(slow)) == 1, "for the stage to begin")
        wait_until(lambda: (slow.root / ".dvc/tmp/morphseq/running/slow").exists(), "for the run to know it")
        (job,) = queue.running()
        queue.cancel(job)
        wait_until(lambda: len(begun(slow)) == 2, "for it to begin again")
        (slow.root / "wait").unlink()
        output, _ = runner.communicate(timeout=DEADLINE_S)
    assert runner.returncode == 0
    assert f"slow: job {job} (slurm): CANCELLED" in output
    assert status(slow.root) == {}
    assert left_over(slow) == []


def test_a_job_that_is_lost_too_often_fails_its_stage(queue: Queue, make: Make) -> None:
    project = make(ONE, "retries: 1\n")
    (queue.home / "lose").write_text("1\n2\n")
    output = run(project, code=1)
    assert output.count("CANCELLED") >= 2
    assert "job 2 (slurm): CANCELLED" in output
    assert len(queue.jobs()) == 2


@pytest.mark.parametrize("kind", ["slurm", "sge"])
def test_a_job_that_is_refused_fails_its_stage_with_the_system_s_words(kind: str, queue: Queue, make: Make) -> None:
    project = make(_MANY, kind=kind)
    (queue.home / "refuse").write_text("error: invalid partition specified: nosuch")
    output = run(project, code=1)
    assert output.count("invalid partition specified: nosuch") >= 5
    submit = "sbatch" if kind == "slurm" else "qsub"
    assert 3 <= len(queue.calls(submit)) <= 4, "nobody asks on when all are refused"


def test_a_system_that_does_not_answer_is_asked_again(queue: Queue, make: Make) -> None:
    project = make(ONE)
    (queue.home / "busy").write_text("1\n")
    assert "Unable to contact slurm controller" in run(project)
    assert (project.root / "one.txt").exists()


@pytest.mark.parametrize(
    ("cluster", "said"),
    [("python: /nonexistent/python\n", "/nonexistent/python"), ("prologue: ['false']\n", "the prologue failed: false")],
)
def test_a_job_that_can_not_begin_says_why(cluster: str, said: str, queue: Queue, make: Make) -> None:
    project = make(ONE, cluster)
    output = run(project, code=1)
    assert "FAILED" in output
    assert said in output
    log = project.root / ".dvc/tmp/morphseq/logs/one.job"
    assert said in log.read_text()
    assert len(queue.jobs()) == 1


def test_a_node_with_another_environment_is_named_before_anything_runs(
    queue: Queue, make: Make, tmp_path: Path
) -> None:
    (tmp_path / "other/bin").mkdir(parents=True)
    (tmp_path / "other/bin/python").symlink_to(os.path.realpath(os.sys.executable))  # type: ignore[attr-defined]
    project = make(ONE, f'prologue: ["export PATH={tmp_path}/other/bin:$PATH"]\n')
    output = run(project, code=1)
    assert "another environment" in output
    assert "lacks " in output
    assert not (project.root / "one.txt").exists()


def test_after_ctrl_c_the_jobs_are_ended(queue: Queue, slow: Project) -> None:
    with slow.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: len(begun(slow)) == 1, "for the stage to begin")
        os.kill(runner.pid, signal.SIGTERM)
        assert runner.wait(DEADLINE_S) == 130
    assert queue.running() == []
    assert left_over(slow) == []
    assert not (slow.root / "out").exists()


# Not SIGHUP: of what is started by nohup, as tests may be, it ends nothing.
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_of_a_run_that_was_killed_or_detached_is_gone_on_with(how: int, queue: Queue, slow: Project) -> None:
    with slow.start("morphseq", "run", "--cluster", "cluster.yaml", "--detach") as runner:
        wait_until(lambda: len(begun(slow)) == 1, "for the stage to begin")
        os.kill(runner.pid, how)
        runner.wait(DEADLINE_S)
    (job,) = queue.running()
    with slow.start("morphseq", "run", "--cluster", "cluster.yaml", "--json") as runner:
        wait_until(lambda: (slow.root / ".dvc/tmp/morphseq/running/slow").exists(), "for the run to know it")
        (slow.root / "wait").unlink()
        output, _ = runner.communicate(timeout=DEADLINE_S)
    assert f"job {job} of an earlier run goes on" in output
    assert ended(output) == {"slow": "ran"}
    assert len(begun(slow)) == 1
    assert queue.jobs() == [job]


@pytest.mark.parametrize("here", [True, False])
def test_a_job_of_a_run_that_was_killed_never_writes_into_a_later_one(here: bool, queue: Queue, slow: Project) -> None:
    with slow.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: len(begun(slow)) == 1, "for the stage to begin")
        runner.kill()
        runner.wait(DEADLINE_S)
    assert not (slow.root / "out").exists(), "what is half made is not in the project"
    replace_file(slow.root / "in.txt", b"second\n")
    words = [] if here else ["--cluster", "cluster.yaml"]
    with slow.start("morphseq", "run", *words) as runner:
        wait_until(lambda: len(begun(slow)) == 2, "for the stage to begin again")
        (slow.root / "wait").unlink()
        assert runner.wait(DEADLINE_S) == 0
    wait_until(lambda: not queue.running(), "for the old job to end")
    assert {path.read_text() for path in (slow.root / "out").iterdir()} == {"second\n"}
    assert status(slow.root) == {}
    assert left_over(slow) == []


def test_a_job_whose_run_is_gone_and_can_not_be_cancelled_ends_by_itself(queue: Queue, slow: Project) -> None:
    with slow.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: len(begun(slow)) == 1, "for the stage to begin")
        runner.kill()
        runner.wait(DEADLINE_S)
    (stage,) = begun(slow)
    (queue.home / "busy").write_text("x\n" * 99)
    (slow.root / "dvc.yaml").write_text(ONE)
    assert "can't be ended" in slow.morphseq("run")
    (queue.home / "busy").unlink()
    wait_until(lambda: not Path(f"/proc/{stage}").exists(), "for the stage to find its fence gone")


def test_a_job_that_waits_is_told_with_the_reason(queue: Queue, make: Make) -> None:
    project = make(ONE)
    queue.hold()
    with project.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        assert runner.stdout
        for line in runner.stdout:
            if "PENDING" in line:
                break
        assert line == "waiting in slurm: 1 PENDING (Resources), such as job 1 of one\n"
        queue.release()
        assert runner.wait(DEADLINE_S) == 0


def test_a_stage_s_failure_is_its_own(queue: Queue, make: Make) -> None:
    project = make("stages:\n  one: {cmd: echo so; exit 3, outs: [one.txt]}\n")
    output = run(project, code=1)
    assert "ended with code 3" in output
    assert "| so" in output
    assert len(queue.jobs()) == 1
    assert left_over(project) == []


def test_a_stage_that_is_killed_for_its_memory_gets_more(queue: Queue, make: Make) -> None:
    stages = "stages:\n  one:\n    cmd: 'echo x >> tries; [ $(wc -l < tries) = 2 ] && echo > one.txt || kill -9 $$'\n"
    project = make(stages + "    outs: [one.txt]\n    meta: {memory: 1G, time: 10m}\n", "most: {memory: 1500M}\n")
    (project.root / "tries").touch()
    output = run(project)
    assert "tried again with 1 cores, 1500 MiB, 10 min" in output
    assert ["--mem=1024M" in call for call in queue.calls("sbatch")] == [True, False]
    assert "--mem=1500M --time=10" in queue.calls("sbatch")[1]


def test_the_last_log_and_what_is_kept_of_a_stage_that_failed(queue: Queue, make: Make) -> None:
    stages = (
        "stages:\n  one:\n    cmd: 'echo x >> out/n; echo y >> .morphseq-out.partial; echo z > side; test -e good'\n"
    )
    project = make(stages + "    outs: [out: {cache: false, persist: true}]\n")
    (project.root / "out").mkdir()
    run(project, code=1)
    assert ((project.root / "out/n").read_text(), (project.root / "side").read_text()) == ("x\n", "z\n")
    (project.root / "good").touch()
    run(project)
    assert (project.root / "out/n").read_text() == "x\nx\n"
    assert (project.root / ".morphseq-out.partial").read_text() == "y\ny\n"


def test_a_stage_in_a_folder_of_its_own_that_reads_what_is_beside_the_project(queue: Queue, make: Make) -> None:
    project = make(
        "stages:\n  one: {wdir: a/b, cmd: cat ../../../beside/x ../y > z, deps: [../../../beside/x, ../y], outs: [z]}\n"
    )
    for path, text in (("../beside/x", "x"), ("a/y", "y"), ("a/b/w", "")):
        (project.root / path).parent.mkdir(parents=True, exist_ok=True)
        (project.root / path).write_text(text)
    run(project)
    assert (project.root / "a/b/z").read_text() == "xy"


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no other disk")
def test_an_output_on_another_disk_is_made_there(queue: Queue, make: Make) -> None:
    import tempfile

    project = make("stages:\n  one: {cmd: 'stat -c %d far/ > far/z', outs: [far/z: {cache: false}]}\n")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as far:
        (project.root / "far").symlink_to(far)
        run(project)
        assert (Path(far) / "z").read_text() == f"{Path(far).stat().st_dev}\n"
        assert os.listdir(far) == ["z"]


def test_a_file_for_a_cluster_that_is_not_as_it_should_be_is_refused(queue: Queue, make: Make) -> None:
    project = make(ONE)
    for text, said in (
        ("kind: pbs\n", "kind 'pbs' is not known; there are slurm, sge, local"),
        ("kind: slurm\nstages: {nosuch: {cores: 2}}\n", "nosuch: no such stage or group"),
        ("kind: slurm\nneeds: {time: soon}\n", "needs: time: 'soon' is not a time"),
        ("kind: slurm\nspelling: {gpu: '{what}'}\n", "not a description of a cluster: 'what'"),
        ("kind: slurm\nqueu: a\n", "unknown field `queu`"),
    ):
        (project.root / "cluster.yaml").write_text(text)
        assert said in run(project, code=2)
    assert queue.jobs() == []


@pytest.mark.parametrize("is_over", [True, False])
def test_what_a_stage_has_begun_is_kept_if_nobody_writes_it_any_more(is_over: bool, queue: Queue, make: Make) -> None:
    stages = "stages:\n  one: {{cmd: '{}', outs: [out: {{cache: false, persist: true}}]}}\n"
    partial = ".morphseq-out.partial"
    first = f"mkdir {partial}; echo x > {partial}/n; echo $$ >> begun; while [ -e wait ]; do sleep 0.02; done"
    project = make(stages.format(first))
    for name in ("begun", "wait"):
        (project.root / name).touch()
    with project.start("morphseq", "run", "--cluster", "cluster.yaml") as runner:
        wait_until(lambda: len(begun(project)) == 1, "for the stage to begin")
        runner.kill()
        runner.wait(DEADLINE_S)
    (stage,) = begun(project)
    if not is_over:
        (queue.home / "busy").write_text("x\n" * 9)
    replace_file(
        project.root / "dvc.yaml",
        stages.format(f"mkdir -p {partial}; echo y >> {partial}/n; mv {partial} out").encode(),
    )
    project.morphseq("run")
    (queue.home / "busy").unlink(missing_ok=True)
    wait_until(lambda: not Path(f"/proc/{stage}").exists(), "for the earlier one to end")
    assert (project.root / "out/n").read_text() == ("x\ny\n" if is_over else "y\n")


def test_what_a_stage_had_begun_and_has_used_up_is_gone(queue: Queue, make: Make) -> None:
    stages = (
        "stages:\n  one:\n    cmd: 'echo x >> .morphseq-out.partial; test -e good && mv .morphseq-out.partial out'\n"
    )
    project = make(stages + "    outs: [out: {cache: false, persist: true}]\n")
    run(project, code=1)
    assert (project.root / ".morphseq-out.partial").read_text() == "x\n"
    (project.root / "good").touch()
    run(project)
    assert (project.root / "out").read_text() == "x\nx\n"
    assert not (project.root / ".morphseq-out.partial").exists()
