"""SLURM: sbatch, squeue, sacct, scancel."""

import getpass
import re
from collections.abc import Collection, Iterator

from morphseq_manifest.tracker.run.jobs.systems import (
    BusySystemError,
    JobState,
    Phase,
    RefusedError,
    Submission,
    call,
    said,
)

_WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
_RUNNING = {"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
_LATER = re.compile(
    r"timed out|unable to contact|connection|temporarily|try again|AssocMaxSubmitJobLimit|QOSMaxSubmitJob|"
    r"job limit|slurm temporarily unable|resource temporarily unavailable", re.IGNORECASE
)  # fmt: skip
_OVER_MEMORY = re.compile(r"exceeded (job )?memory limit|oom.?kill|out.of.memory", re.IGNORECASE)
# So many ids fit on a command line by far.
_AT_ONCE = 500


class Slurm:
    """SLURM, by its own commands."""

    kind, command, index, first = "slurm", "sbatch", "$SLURM_ARRAY_TASK_ID", 0

    def submit(self, asked: Submission) -> list[str]:
        """Submit a job or an array, and return the id of each task. Raises RefusedError, BusySystemError."""
        log = str(asked.log).replace("%", "%%") + ("-%a" if asked.tasks else "")
        words = ["sbatch", "--parsable", f"--job-name={asked.name}", f"--output={log}", f"--chdir={asked.root}"]
        words += ["--no-requeue", "--open-mode=append", *asked.words]
        if asked.tasks:
            words.append(f"--array=0-{asked.tasks - 1}")
        ended = call(words, asked.script)
        number = ended.stdout.strip().partition(";")[0]
        if ended.returncode or not number.isdigit():
            raise (BusySystemError if _LATER.search(ended.stderr) else RefusedError)(f"sbatch: {said(ended)}")
        return [f"{number}_{task}" for task in range(asked.tasks)] or [number]

    def poll(self, ids: Collection[str]) -> dict[str, JobState]:
        """The state of those of these jobs that SLURM still knows. Raises BusySystemError."""
        if not ids:
            return {}
        # By user, since one id that SLURM has forgotten spoils a question for ids.
        ended = call(["squeue", "-h", "-r", "-t", "all", "-u", getpass.getuser(), "-o", "%i|%T|%r"])
        if ended.returncode:
            raise BusySystemError(f"squeue: {said(ended)}")
        wanted = set(ids)
        return {job: state for job, state in _states(ended.stdout) if job in wanted}

    def past(self, ids: Collection[str]) -> dict[str, JobState]:
        """How jobs ended of which only the accounting knows, if there is one."""
        found: dict[str, JobState] = {}
        for some in _parts(ids):
            try:
                ended = call(["sacct", "-X", "-n", "-P", "-j", ",".join(some), "-o", "JobID,State,ExitCode"])
            except BusySystemError:
                return found
            found.update(_states(ended.stdout))
        return found

    def lacked(self, word: str, log: str) -> Collection[str]:
        """What a job lacked: not each SLURM that ends jobs for their memory has a state for that."""
        is_memory = word == "OUT_OF_MEMORY" or _OVER_MEMORY.search(log)
        return {"memory"} if is_memory else {"time"} if word in {"TIMEOUT", "DEADLINE"} else ()

    def cancel(self, ids: Collection[str]) -> None:
        """End these jobs. Raises BusySystemError."""
        for some in _parts(ids):
            ended = call(["scancel", *some])
            if ended.returncode and _LATER.search(ended.stderr):
                raise BusySystemError(f"scancel: {said(ended)}")


def _states(text: str) -> Iterator[tuple[str, JobState]]:
    """The jobs in what squeue or sacct prints: id, state, and a reason or exit code."""
    for line in text.splitlines():
        job, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        word = state.split(" ")[0]  # sacct: CANCELLED by 1000
        if word:
            phase = Phase.WAITING if word in _WAITING else Phase.RUNNING if word in _RUNNING else Phase.OVER
            yield job, JobState(phase, word, "" if reason in {"None", "0:0"} else reason)


def _parts(ids: Collection[str]) -> Iterator[list[str]]:
    listed = [*ids]
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]
