"""Hashing again everything that was recorded: what is damaged, missing, unreadable, or was recorded by nobody.

Frames are held against their images manifest, stacks against the contents index of their folder, all else against
dvc.lock; and the manifests and indexes themselves against dvc.lock.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from morphseq_manifest.answers.verify.findings import Finding, failed
from morphseq_manifest.answers.verify.folders import explain
from morphseq_manifest.answers.verify.plan import make_plan, take_sample
from morphseq_manifest.answers.verify.proofs import Progress
from morphseq_manifest.answers.verify.recorded import Record, Scope, read_scope
from morphseq_manifest.base.errors import ExitCode
from morphseq_manifest.tracker.disk.readers import hashing
from morphseq_manifest.tracker.disk.rehash import Batch, Failure, Job
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.disk.wrong import Wrong

# A clock tick of any kernel, and some more.
_TICK_NS = 20_000_000

Step = Callable[[int, int], None]
Watch = Callable[["Work"], AbstractContextManager[Step]]


class Work(msgspec.Struct, frozen=True):
    """How much there is to hash, in files and `size` bytes, and how many files were hashed before.

    `since` is when the interrupted check began, in seconds since 1970; `kept` whether this one could be taken up again.
    """

    files: int
    size: int
    skipped: int
    since: float
    kept: bool


class Report(msgspec.Struct, frozen=True):
    """What a check found, and what it looked at.

    Of the `recorded` files, `hashed` were hashed now (`size` bytes), `skipped` were as recorded when an interrupted
    check hashed them. `sample` is the percentage asked for, with the `seed` that repeats it. `left_out` are experiments
    with records that are no longer listed, `undated` those without a date if a day was asked for, `waiting` listed ones
    without records.
    """

    findings: list[Finding]
    recorded: int
    hashed: int
    size: int
    skipped: int
    sample: float | None
    seed: int | None
    left_out: list[str]
    undated: list[str]
    waiting: list[str]

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends: damage weighs more than what can't be read, and that more than what is stale."""
        kinds = {finding.what for finding in self.findings}
        if kinds - {Wrong.STALE, Wrong.UNREADABLE}:
            return ExitCode.CONTENT
        if Wrong.UNREADABLE in kinds:
            return ExitCode.UNREADABLE
        return ExitCode.STALE if kinds else ExitCode.OK


def _unwatched(_: Work) -> AbstractContextManager[Step]:
    return nullcontext(lambda files, size: None)


def verify(
    root: Path = Path(),
    experiments: Sequence[str] = (),
    later_than: str | None = None,
    *,
    sample: float | None = None,
    seed: int | None = None,
    restart: bool = False,
    watch: Watch = _unwatched,
) -> Report:
    """Check a project's content, or that of some experiments, against what is recorded.

    `sample` is the percentage of files to hash; names are always checked, all of them. An interrupted check is taken
    up where it ended, by the same arguments, unless `restart` is set. Raises ConfigError for an unknown experiment,
    UnreadableError if nothing is recorded, ContentError for a dvc.lock or manifest that can't be understood.
    """
    scope = read_scope(root, experiments, later_than)
    plan = make_plan(root, scope)
    seed = int.from_bytes(os.urandom(3)) if sample and seed is None else seed
    jobs = take_sample(plan.jobs, sample, seed or 0) if sample else plan.jobs
    progress = Progress(root, repr((sorted(experiments), later_than, sample, seed)), restart)
    left = [job for job in jobs if not progress.has(job)] if progress.proofs else jobs
    skipped = _count(jobs) - _count(left) if len(left) < len(jobs) else 0
    hashed = _hash(root, left, progress, skipped, watch)
    return Report(
        findings=sorted([*plan.findings, *_findings(root, hashed.failures, scope)], key=lambda found: found.path),
        recorded=_count(plan.jobs),
        hashed=hashed.files,
        size=hashed.size,
        skipped=skipped,
        sample=sample,
        seed=seed if sample else None,
        left_out=scope.left_out,
        undated=scope.undated,
        waiting=scope.waiting,
    )


def _hash(root: Path, jobs: list[Job], progress: Progress, skipped: int, watch: Watch) -> Batch:
    """Hash what the jobs name; progress is kept where this is interrupted, and forgotten where it is not."""
    files = size = 0
    failures: list[Failure] = []
    finished = False
    work = Work(_count(jobs), sum([job.size or 0 for job in jobs]), skipped, progress.began, progress.is_kept)
    try:
        with hashing(str(root), jobs, time.time_ns() - _TICK_NS) as run, watch(work) as step:

            def take(batch: Batch) -> None:
                nonlocal files, size
                progress.add(batch.proofs)
                files, size = files + batch.files, size + batch.size
                failures.extend(batch.failures)
                step(files, size)

            run(take)
        finished = True
    finally:
        progress.close(finished)
    return Batch(files, size, [], failures)


def _count(jobs: list[Job]) -> int:
    return len(jobs) + sum([job.count - 1 for job in jobs if job.md5])  # those by md5 can be folders


def _findings(root: Path, failures: list[Failure], scope: Scope) -> Iterator[Finding]:
    """What the failures mean; in a folder known only as a whole, what can be named in it."""
    for failure in failures:
        is_whole = failure.job.is_folder and failure.path == failure.job.path
        is_legacy = scope.record(failure.job.path).content.legacy
        if failure.what == Wrong.DAMAGED and is_whole and not is_legacy:
            yield from explain(root, scope, failure)
        else:
            record = scope.record(failure.job.path)
            if not (failure.what == Wrong.DAMAGED and record.content.legacy and _is_as_of_dvc_2(root, record)):
                yield failed(scope.cache, record, failure)


def _is_as_of_dvc_2(root: Path, record: Record) -> bool:
    """Whether a path is as DVC 2 recorded it."""
    return Workspace(root).legacy_md5(record.path) == record.content.md5
