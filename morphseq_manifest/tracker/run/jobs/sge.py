"""Grid Engine: qsub, qstat, qacct, qdel."""

import getpass
import re
from collections.abc import Collection

from morphseq_manifest.tracker.run.jobs.systems import (
    BusySystemError,
    JobState,
    Phase,
    RefusedError,
    Submission,
    call,
    said,
)

_LATER = re.compile(
    r"commlib|unable to contact|can't connect|timeout|try again|job limit|error: failed receiving", re.I
)
# A line of qstat: id, priority, name, user, state, day, time, queue if it runs, slots, task if it is one of an array.
_LINE = re.compile(r"\s*(\d+)\s+[\d.]+\s+\S+\s+\S+\s+([A-Za-z]+)\s+\S+\s+\S+\s+(.*)")
_NAME = re.compile(r"[^\w.-]")
# The states of a job that has begun, and of one that the system has given up.
_BEGUN, _FAILED = "rtTsS", "E"
_ACCOUNT = re.compile(r"^(\w+)\s+(.*?)\s*$", re.MULTILINE)


class Sge:
    """Grid Engine, by its own commands."""

    kind, command, index, first = "sge", "qsub", "$SGE_TASK_ID", 1

    def submit(self, asked: Submission) -> list[str]:
        """Submit a job or an array, and return the id of each task. Raises RefusedError, BusySystemError."""
        log = f"{asked.log}{'-$TASK_ID' if asked.tasks else ''}"
        words = ["qsub", "-terse", "-N", _name(asked.name), "-o", log, "-j", "y", "-wd", str(asked.root)]
        words += ["-S", "/bin/bash", "-V", "-r", "n", *asked.words]
        if asked.tasks:
            words += ["-t", f"1-{asked.tasks}"]
        ended = call(words, asked.script)
        number = (ended.stdout.strip().splitlines() or [""])[-1].partition(".")[0]
        if ended.returncode or not number.isdigit():
            raise (BusySystemError if _LATER.search(ended.stderr) else RefusedError)(f"qsub: {said(ended)}")
        return [f"{number}.{task}" for task in range(1, asked.tasks + 1)] or [number]

    def poll(self, ids: Collection[str]) -> dict[str, JobState]:
        """The state of those of these jobs that wait or run; qstat knows no others. Raises BusySystemError."""
        if not ids:
            return {}
        ended = call(["qstat", "-u", getpass.getuser(), "-g", "d"])
        if ended.returncode:
            raise BusySystemError(f"qstat: {said(ended)}")
        known: dict[str, JobState] = {}
        for line in ended.stdout.splitlines():
            if match := _LINE.match(line):
                state, tail = match[2], match[3].split()
                phase = Phase.OVER if _FAILED in state else Phase.WAITING
                phase = Phase.RUNNING if phase == Phase.WAITING and set(state) & set(_BEGUN) else phase
                known[match[1]] = known[f"{match[1]}.{tail[-1]}"] = JobState(phase, state)
        return {job: known[job] for job in ids if job in known}

    def past(self, ids: Collection[str]) -> dict[str, JobState]:
        """How jobs ended, as the accounting has it: it is written a moment after a job's end."""
        found: dict[str, JobState] = {}
        for job in ids:
            number, _, task = job.partition(".")
            try:
                ended = call(["qacct", "-j", number, *(["-t", task] if task else [])])
            except BusySystemError:
                return found
            books = dict(_ACCOUNT.findall(ended.stdout)) if not ended.returncode else {}
            if books:
                found[job] = JobState(Phase.OVER, _end(books))
        return found

    def lacked(self, word: str, log: str) -> Collection[str]:
        """What a job lacked, as far as the accounting tells: of some ends it only names all limits."""
        return [kind for kind, limit in (("memory", "h_vmem"), ("time", "h_rt")) if limit in word]

    def cancel(self, ids: Collection[str]) -> None:
        """End these jobs. Raises BusySystemError."""
        for job in ids:
            number, _, task = job.partition(".")
            ended = call(["qdel", number, *(["-t", task] if task else [])])
            if ended.returncode and _LATER.search(ended.stderr + ended.stdout):
                raise BusySystemError(f"qdel: {said(ended)}")


def _end(books: dict[str, str]) -> str:
    """A job's end in Grid Engine's words."""
    failed, status = books.get("failed", "0"), books.get("exit_status", "").split(" ")[0]
    if failed == "0":
        return f"exit_status {status}"
    return f"failed {failed}, exit_status {status}"


def _name(name: str) -> str:
    """A job's name as Grid Engine takes it: no digit first, and none of the characters it has uses for."""
    return f"m{_NAME.sub('_', name)}" if name[:1].isdigit() else _NAME.sub("_", name)
