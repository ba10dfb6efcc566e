"""What `morphseq run` shows: a line a group while it goes on, plain lines off a terminal, and a summary at its end."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
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
# What is counted while a run goes on; in which of these a stage that has ended is, if not among those that failed.
_COLUMNS = ("done", "running", "waiting", "up to date", "restored", "failed")
_ENDED = {End.RAN: "done", End.COMMITTED: "done", End.UP_TO_DATE: "up to date", End.RESTORED: "restored"}


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

    def __init__(self, stages: Iterable[Stage]) -> None:
        self._groups = {stage.name: stage.group for stage in stages}
        # How each stage ended, by what was told of it last; None while it runs.
        self._told: dict[str, End | None] = {}
        self._times: dict[str, list[float]] = {}

    def started(self, stage: Stage) -> None:
        self._told[stage.name] = None

    def ended(self, result: Result) -> None:
        self._told[result.stage] = result.end
        if result.end == End.RAN:
            self._times.setdefault(self._groups[result.stage], []).append(result.seconds)

    def __rich__(self) -> "Table":
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("group", *_COLUMNS, "left"):
            table.add_column(name, justify="left" if name == "group" else "right")
        groups = {group: Counter[str]() for group in self._groups.values()}
        for name, group in self._groups.items():
            groups[group][self._column(name)] += 1
        for group, counts in groups.items():
            left = self._left(group, counts)
            is_over = not counts["running"] and not counts["waiting"]
            table.add_row(group, *(str(counts[name]) for name in _COLUMNS), left, style="dim" if is_over else None)
        return table

    def _column(self, name: str) -> str:
        """Where a stage is counted."""
        if name not in self._told:
            return "waiting"
        end = self._told[name]
        return "running" if end is None else _ENDED.get(end, "failed")

    def _left(self, group: str, counts: Counter[str]) -> str:
        times, due = self._times.get(group), counts["running"] + counts["waiting"]
        if not due or not times:
            return "" if not due else "?"
        return duration(sum(times) / len(times) * due / max(counts["running"], 1))


@contextmanager
def watching(stages: Iterable[Stage]) -> Iterator[Watch]:
    """Who shows how a run goes: a table that changes where someone watches, else a line for each stage."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.live import Live

    board = _Board(stages)
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
