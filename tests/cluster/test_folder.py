"""The folder in which runs and nodes meet: what earlier runs, or strangers, have left in it."""

from pathlib import Path

import pytest

from morphseq_manifest.tracker.run.jobs.folder import JobFolder, JobId
from morphseq_manifest.tracker.run.task import Task

SHARED = {"environment": "e", "others": "o"}


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path)
    folder.raise_fence()
    return folder


def task(folder: JobFolder) -> Task:
    return Task(str(folder.root), "a", ["true"], str(folder.root / "a.log"), {}, [], outs=["out"])


def test_the_next_run_knows_which_job_makes_an_attempt(folder: JobFolder) -> None:
    attempts = [folder.new(task(folder), SHARED) for _ in range(3)]
    folder.note_jobs(attempts[:2], "slurm", ["12_0", "12_1"])
    found = {attempt.name: attempt.job for attempt in JobFolder(folder.root).earlier()}
    assert found == {"1-1": JobId("slurm", "12_0"), "1-2": JobId("slurm", "12_1"), "1-3": None}


@pytest.mark.parametrize("given", ["--user=root", "-u", "", "12 13", "../1"])
def test_what_is_no_id_is_never_given_to_a_command(folder: JobFolder, given: str) -> None:
    folder.note_jobs([folder.new(task(folder), SHARED)], "slurm", [given])
    (attempt,) = JobFolder(folder.root).earlier()
    assert attempt.job is None


def test_no_attempt_takes_the_place_of_another_if_the_fence_is_lost(folder: JobFolder) -> None:
    first = folder.new(task(folder), SHARED)
    (folder.path / "fence").unlink()
    later = JobFolder(folder.root)
    later.raise_fence()
    assert (later.fence, later.new(task(folder), SHARED).name) == (1, "1-2")
    assert first.folder.is_dir()
