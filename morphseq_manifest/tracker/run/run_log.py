"""The journal of runs, in `.dvc/tmp/morphseq/runs`: a line when a run begins to do something, and one when it ends.

A run that finds nothing to do leaves none.
"""

import os
import platform
import shlex
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

import msgspec

from morphseq_manifest.base import files, shared_journal
from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ExitCode, MorphseqError, described
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.history import Count, Seconds
from morphseq_manifest.tracker.run.outcome import End, Result, Watch

FOLDER = files.OWN / "runs"
_MOST_BYTES = 1 << 18
_KEPT = 500
_LONGEST = 1000
# Of so many runs the time beyond their stages counts.
_LATEST = 5

Text = Annotated[str, msgspec.Meta(max_length=_LONGEST)]


class Begun(msgspec.Struct, frozen=True):
    """Who began a run, on which machine, as which process of it, and what was asked for, in words."""

    user: Text
    machine: Text
    pid: Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
    asked: Text


class Ended(msgspec.Struct, frozen=True):
    """The exit status of a run, and how many stages ended in which way.

    `beside`: the seconds that it took beyond its stages, to look, to start workers and to record; None is not known.
    """

    exit_code: Annotated[int, msgspec.Meta(ge=0, le=255)]
    stages: dict[End, Count]
    beside: Seconds | None = None


class Line(msgspec.Struct, frozen=True):
    """A run, by an id of its own, and when it began or ended, in seconds since 1970."""

    run: Text
    at: Seconds
    begun: Begun | None = None
    ended: Ended | None = None


class RunLog:
    """Keeps the journal of one run in the project in `root`, and tells `watch` of all that it hears.

    A journal that can't be written is said, and hinders nothing. `beside` is what its end has of that.
    """

    beside: float | None = None

    def __init__(self, root: Path, watch: Watch, asked: Sequence[str]) -> None:
        self._folder, self._watch = root / FOLDER, watch
        self._asked = shlex.join(asked)[:_LONGEST]
        self._began = time.time()
        self._id = os.urandom(8).hex()
        self._ends: dict[str, End] = {}
        self._lock = threading.Lock()
        self._is_begun = self._is_written = False

    def started(self, stage: Stage) -> None:
        """A stage has begun to run."""
        self._begin()
        self._watch.started(stage)

    def ended(self, result: Result) -> None:
        """A stage has ended; what was told of it before no longer counts."""
        if result.end not in {End.UP_TO_DATE, End.STOPPED}:
            self._begin()
        self._ends[result.stage] = result.end
        self._watch.ended(result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """The run has ended, or by an error."""
        if self._is_written:
            counts = Counter(self._ends.values())
            late = any(counts[end] for end in (End.FAILED, End.BLOCKED, End.STOPPED))
            code = _code_of(error) if error else ExitCode.STALE if late else ExitCode.OK
            self._write(Line(self._id, time.time(), ended=Ended(code, dict(counts), self.beside)))

    def _begin(self) -> None:
        with self._lock:
            if not self._is_begun:
                self._is_begun = True
                begun = Begun(_user(), platform.node()[:_LONGEST], os.getpid(), self._asked)
                self._is_written = self._write(Line(self._id, self._began, begun))

    def _write(self, line: Line) -> bool:
        try:
            if line.begun:
                shared_journal.shrink(self._folder, Line, _MOST_BYTES, lambda lines: lines[-2 * _KEPT :])
            shared_journal.append(self._folder, [line])
        except OSError as error:
            note(f"{described(error)}: `morphseq log` will not know of this run")
            return False
        return True


def beside(root: Path) -> float:
    """The seconds that a run takes beyond its stages: the median of the latest; 0 if none is known."""
    from statistics import median  # only who looks ahead asks

    lines, _ = shared_journal.read(root / FOLDER, Line)
    known = sorted((line.at, line.ended.beside) for line in lines if line.ended and line.ended.beside is not None)
    return median(seconds for _, seconds in known[-_LATEST:]) if known else 0.0


def _code_of(error: BaseException) -> int:
    if isinstance(error, MorphseqError):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.UNREADABLE if isinstance(error, OSError) else ExitCode.STALE


def _user() -> str:
    """The name of the user that this process works for: the environment may have another's."""
    import pwd  # a run that has nothing to do needs no name

    try:
        return pwd.getpwuid(os.geteuid()).pw_name[:_LONGEST]
    except KeyError:
        return str(os.geteuid())
