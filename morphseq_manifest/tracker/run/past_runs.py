"""What `morphseq log` tells: the runs of a project, as its journal has them."""

import platform
import time
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.base import display, shared_journal
from morphseq_manifest.base.errors import ConfigError, ExitCode
from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.tracker.run.outcome import End
from morphseq_manifest.tracker.run.run_log import FOLDER, Begun, Line
from morphseq_manifest.tracker.run.view import duration

SCHEMA = "morphseq/log/1"
# A process that was there before a run began is not that run, if it has its number; clocks may differ by so much.
_CLOCKS_S = 2.0


class RunEnd(Outcome):
    """How a run ended."""

    OK = "ok", "all that was asked for is up to date", "green"
    FAILED = "failed", "a stage failed", "red"
    INTERRUPTED = "interrupted", "by Ctrl-C, SIGTERM or SIGHUP; what had finished is recorded", "yellow"
    ERROR = "error", "it could not go on", "red"
    RUNNING = "running", "it has not ended yet", "cyan"
    LOST = "killed or lost", "it left no end, and its process is gone", "red"
    UNKNOWN = "not known", "it began on another machine, and left no end yet", "yellow"


_ENDS: dict[int, RunEnd] = {
    ExitCode.OK: RunEnd.OK,
    ExitCode.STALE: RunEnd.FAILED,
    ExitCode.INTERRUPTED: RunEnd.INTERRUPTED,
}


class Run(msgspec.Struct, frozen=True):
    """One run: when it began (seconds since 1970), who began it where, what was asked for, and how it went.

    Without an end, `seconds`, `exit_code` and `stages`, the number of stages by how they ended, are not known.
    """

    began: float
    user: str
    machine: str
    asked: str
    outcome: RunEnd
    seconds: float | None = None
    exit_code: int | None = None
    stages: dict[End, int] | None = None


class Log(msgspec.Struct, frozen=True):
    """The runs, the latest first, and what of the journal can't be read."""

    runs: list[Run]
    unread: list[str]

    @property
    def exit_code(self) -> ExitCode:
        """4 if something can't be read, else 0."""
        return ExitCode.UNREADABLE if self.unread else ExitCode.OK


def read(root: Path) -> Log:
    """The runs of the project in `root`. Raises ConfigError if it is none, and as check_links does."""
    if not (root / ".dvc").is_dir():
        raise ConfigError(f"{root}: not a DVC project: there is no folder .dvc in it. Run this in the project's folder")
    check_links(root)
    lines, unread = shared_journal.read(root / FOLDER, Line)
    ends = {line.run: line for line in lines if line.ended}
    begins = sorted((line for line in lines if line.begun), key=lambda line: -line.at)
    return Log([_run(line, ends.get(line.run), number == 0) for number, line in enumerate(begins)], unread)


def _run(first: Line, last: Line | None, is_latest: bool) -> Run:
    begun, ended = first.begun, last.ended if last else None
    assert begun
    about = (first.at, begun.user, begun.machine, begun.asked)
    if last is None or ended is None:
        return Run(*about, _without_end(first.at, begun, is_latest))
    return Run(
        *about, _ENDS.get(ended.exit_code, RunEnd.ERROR), max(last.at - first.at, 0), ended.exit_code, ended.stages
    )


def _without_end(began: float, begun: Begun, is_latest: bool) -> RunEnd:
    """How it is with a run that has left no end. There is never more than one at a time: earlier ones have ended."""
    if not is_latest:
        return RunEnd.LOST
    if begun.machine != platform.node():
        return RunEnd.UNKNOWN
    import psutil

    try:
        is_there = psutil.Process(begun.pid).create_time() < began + _CLOCKS_S
    except (psutil.Error, ValueError, OverflowError):
        is_there = False
    return RunEnd.RUNNING if is_there else RunEnd.LOST


def show(log: Log, most: int, as_json: bool) -> None:
    """Print the latest runs, at most so many, a line each."""
    runs = log.runs[:most]
    if as_json:
        told = [{**msgspec.structs.asdict(run), "began": _utc(run.began)} for run in runs]
        display.show_json(SCHEMA, {"runs": told, "unread": log.unread, "exit_code": int(log.exit_code)})
        return
    title = display.counted(len(log.runs), "run") + (f", the latest {len(runs)}" if len(runs) < len(log.runs) else "")
    display.show_table([_row(run) for run in runs], title)
    display.show_warnings(log.unread)


def _row(run: Run) -> dict[str, Any]:
    def count(*ends: End) -> int | None:
        return None if run.stages is None else sum(run.stages.get(end, 0) for end in ends)

    outcome = f"{run.outcome} ({run.exit_code})" if run.outcome == RunEnd.ERROR else run.outcome
    return {
        "when": time.strftime("%Y-%m-%d %H:%M", time.localtime(run.began)), "who": run.user, "machine": run.machine,
        "took": None if run.seconds is None else duration(run.seconds), "ran": count(End.RAN, End.COMMITTED),
        "restored": count(End.RESTORED), "failed": count(End.FAILED, End.BLOCKED),
        "outcome": display.Cell(outcome, run.outcome), "asked": run.asked or None,
    }  # fmt: skip


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
