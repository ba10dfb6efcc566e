"""What `morphseq run` shows: a line a group while it goes on, plain lines off a terminal, and a summary at its end."""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from morphseq_manifest.base import display
from morphseq_manifest.base.console import note
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.outcome import End, Result, Watch
from morphseq_manifest.tracker.run.task import log_tail, log_warnings

if TYPE_CHECKING:
    from rich.table import Table

    from morphseq_manifest.tracker.run.running import Report

SCHEMA = "morphseq/run/1"
SHOWN = 20


class _Lines:
    """A line for each stage that runs, fails or is restored: for logs."""

    def started(self, stage: Stage) -> None:
        note(f"running {stage.name}")

    def ended(self, result: Result) -> None:
        if result.end not in {End.UP_TO_DATE, End.STOPPED}:
            took = f" in {duration(result.seconds)}" if result.end == End.RAN else ""
            said = f": {result.why}" if result.end in {End.FAILED, End.BLOCKED} else ""
            note(f"{result.end} {result.stage}{took}{said}")


class _Board:
    """Counts by group, with the time that is left as far as it can be told from the stages that have run."""

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self._stages = stages
        self._groups = {stage.group: [0] * 6 for stage in stages.values()}
        self._times: dict[str, list[float]] = {}
        self._ends: dict[str, End] = {}
        for stage in stages.values():
            self._groups[stage.group][2] += 1
        self._begun = time.monotonic()

    def started(self, stage: Stage) -> None:
        self._take_back(stage.name)
        counts = self._groups[stage.group]
        counts[1] += 1

    def ended(self, result: Result) -> None:
        self._take_back(result.stage)
        group = self._stages[result.stage].group
        counts = self._groups[group]
        counts[2] -= 1
        counts[self._place(result.end)] += 1
        self._ends[result.stage] = result.end
        if result.end == End.RAN:
            self._times.setdefault(group, []).append(result.seconds)
        if result.end in {End.RAN, End.FAILED} and counts[1]:
            counts[1] -= 1

    def _take_back(self, name: str) -> None:
        """What was told of a stage before no longer counts: it waits again."""
        if (end := self._ends.pop(name, None)) is not None:
            counts = self._groups[self._stages[name].group]
            counts[2] += 1
            counts[self._place(end)] -= 1

    @staticmethod
    def _place(end: End) -> int:
        return {End.RAN: 0, End.COMMITTED: 0, End.UP_TO_DATE: 3, End.RESTORED: 4}.get(end, 5)

    def __rich__(self) -> "Table":
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("group", "done", "running", "waiting", "up to date", "restored", "failed", "left"):
            table.add_column(name, justify="left" if name == "group" else "right")
        for group, counts in self._groups.items():
            done, running, waiting, *others = counts
            row = [str(done), str(running), str(max(waiting - running, 0)), *map(str, others)]
            table.add_row(group, *row, self._left(group, waiting), style=None if waiting else "dim")
        return table

    def _left(self, group: str, waiting: int) -> str:
        times = self._times.get(group)
        if not waiting or not times:
            return "" if not waiting else "?"
        at_once = max(self._groups[group][1], 1)
        return duration(sum(times) / len(times) * waiting / at_once)


@contextmanager
def watching(stages: Iterable[Stage]) -> Iterator[Watch]:
    """Who shows how a run goes: a table that changes where someone watches, else a line for each stage."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.live import Live

    board = _Board({stage.name: stage for stage in stages})
    with Live(board, console=Console(stderr=True), refresh_per_second=4):
        yield board


def show(report: "Report", root: Path, undated: list[str], warnings: list[str], as_json: bool) -> None:
    """Print what ran, what was skipped and why, what failed with the last lines of its log, and what is warned of.

    `warnings` come after those of the stages that ran.
    """
    ran = [name for name, result in report.results.items() if result.end == End.RAN]
    warnings = [f"{name}: {told}" for name in ran for told in log_warnings(root, name)] + warnings
    if as_json:
        results = {
            name: {"end": r.end, "seconds": round(r.seconds, 3), "why": r.why,
                   "log": log_tail(root, name) if r.end == End.FAILED else []}
            for name, r in report.results.items()
        }  # fmt: skip
        content = {"stages": results, "undated": undated, "warnings": warnings, "exit_code": int(report.exit_code)}
        display.show_json(SCHEMA, content)
        return
    counts = {end: sum(result.end == end for result in report.results.values()) for end in End}
    summary = ", ".join(f"{count} {end}" for end, count in counts.items() if count) or "nothing to do"
    told = [result for result in report.results.values() if result.end != End.UP_TO_DATE]
    rows = [
        {"stage": r.stage, "end": r.end, "took": duration(r.seconds) if r.end == End.RAN else None,
         "why": r.why.splitlines()[0] if r.why else None}
        for r in told[:SHOWN]
    ]  # fmt: skip
    display.show_table(rows, f"{display.counted(len(report.results), 'stage')}: {summary}")
    if len(told) > SHOWN:
        display.show(f"and {len(told) - SHOWN} more; --json names all")
    for result in told:
        if result.end == End.FAILED:
            display.show(f"\n{result.stage} failed: {result.why}")
            for line in log_tail(root, result.stage):
                display.show(f"  | {line}")
    display.show_warnings(warnings)
    if undated:
        display.show(f"\nundated, and so left out: {', '.join(undated)}")


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
