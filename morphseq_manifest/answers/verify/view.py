"""What `morphseq verify` shows: progress while it runs, and then what it found."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from morphseq_manifest.answers.verify.report import Report, Step, Work
from morphseq_manifest.base import display
from morphseq_manifest.base.console import note
from morphseq_manifest.tracker.disk.wrong import Wrong

SCHEMA = "morphseq/verify/1"
_REMEDIES = 20
_UNITS = ("bytes", "KB", "MB", "GB", "TB")


@contextmanager
def watching(work: Work) -> Iterator[Step]:
    """Show how far it is, with rate and time left, where someone watches; and on Ctrl-C, what comes of it."""
    if work.skipped:
        begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(work.since))
        note(
            f"taking up the check begun {begun}: {work.skipped} files were as recorded then and have not been "
            "touched since (--restart hashes them again)"
        )
    done = 0

    def counting(step: Step) -> Step:
        def count(files: int, size: int) -> None:
            nonlocal done
            done = files
            step(files, size)

        return count

    try:
        if sys.stderr.isatty():
            with _bar(work) as step:
                yield counting(step)
        else:
            yield counting(lambda files, size: None)
    except KeyboardInterrupt:
        again = "the same command goes on from there" if work.kept else "and nothing could be kept of it"
        note(f"{done} of {work.files} files hashed; {again}")
        raise


@contextmanager
def _bar(work: Work) -> Iterator[Step]:
    """A bar on stderr: share of the bytes, files, rate, time left."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TextColumn("{task.fields[files]} of {task.fields[all_files]} files"),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(compact=True),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=work.size, files=0, all_files=work.files)
        yield lambda files, size: bar.update(task, completed=size, files=files)


def show(report: Report, as_json: bool) -> None:
    """Print what was found: as JSON, or as a table and the ways to put it right."""
    if as_json:
        _show_json(report)
        return
    if not report.findings:
        display.show(f"{_extent(report)}: as recorded")
        return
    rows = [{"path": f.path, "what": f.what, "expected": f.expected, "found": f.found} for f in report.findings]
    kinds = [finding.what for finding in report.findings]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in Wrong if kind in kinds)
    display.show_table(rows, f"{_extent(report)}: {counts}")
    # What a stage reads is to be put right before the stage runs again.
    remedies = sorted(
        {finding.remedy for finding in report.findings}, key=lambda remedy: ("dvc repro -f" in remedy, remedy)
    )
    display.show("\n  ".join(["To put it right:", *remedies[:_REMEDIES]]))
    if len(remedies) > _REMEDIES:
        display.show(f"  and {len(remedies) - _REMEDIES} more (--json has one for each path)")


def _show_json(report: Report) -> None:
    content: dict[str, Any] = msgspec.to_builtins(report)
    display.show_json(SCHEMA, {"exit_code": int(report.exit_code), **content})


def _extent(report: Report) -> str:
    """What was looked at, in a line."""
    files = (
        f"{report.hashed + report.skipped} of {report.recorded} files" if report.sample else f"{report.recorded} files"
    )
    parts = [f"{files}, {_size(report.size)} hashed"]
    if report.sample:
        parts.append(f"a sample of {report.sample:g} % (--seed {report.seed} repeats it)")
    if report.skipped:
        parts.append(f"{report.skipped} of them before the interruption")
    if report.left_out:
        parts.append(f"no longer listed and left out: {', '.join(report.left_out)}")
    if report.undated:
        parts.append(f"undated, and so left out: {', '.join(report.undated)}")
    if report.waiting:
        parts.append(f"not run yet: {', '.join(report.waiting)}")
    return "; ".join(parts)


def _size(count: float) -> str:
    """Bytes in the largest unit that leaves at least 1, of 1000 each."""
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {_UNITS[unit]}"
