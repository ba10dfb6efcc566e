"""What `morphseq status` shows: a row an experiment, a column a step; then the tables, and what is unusual."""

import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from morphseq_manifest.answers.provenance.membership import Membership
from morphseq_manifest.answers.status.leftovers import Unusual
from morphseq_manifest.answers.status.report import Report
from morphseq_manifest.base import display
from morphseq_manifest.base.display import Cell
from morphseq_manifest.tracker.freshness.steps import State, Step

SCHEMA = "morphseq/status/1"


def show(report: Report, as_json: bool, verbose: bool = False) -> None:
    """Print the report."""
    if as_json:
        display.show_json(SCHEMA, content(report))
        return
    if not (report.experiments or report.hidden or report.tables):
        display.show("0 stages")
    if report.experiments or report.hidden:
        _show_experiments(report)
    if report.wells:
        display.show()
        _show_wells(report)
    if report.tables:
        if report.experiments or report.has_experiments:
            display.show()
        _show_tables(report)
    if report.undated:
        display.show(f"\nundated, and so left out: {', '.join(report.undated)}")
    if report.warnings:
        display.show()
        display.show_warnings(report.warnings)
    for line in _notes(report, verbose):
        display.show(line)


def content(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "model": report.model,
        "experiments": {
            name: {group: _step(step) for group, step in row.items()} for name, row in report.experiments.items()
        },
        "cohort": {
            name: {**_step(table.step), "rows": table.rows, "experiments": table.experiments, "problem": table.problem}
            for name, table in report.tables.items()
        },
        "undated": report.undated,
        "wells": report.wells,
        "unusual": report.unusual,
        "warnings": report.warnings,
        "adopted": report.adopted,
        "exit_code": int(report.exit_code),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "stage": step.stage,
        "state": step.state,
        "changed": {key: value for key, value in msgspec.to_builtins(step.verdict).items() if value},
        "made": step.made,
        "outputs": step.outs,
        "failure": step.failure,
    }


def _show_experiments(report: Report) -> None:
    word, in_terminal = "experiment" if report.has_experiments else "item", sys.stdout.isatty()
    rows = [
        {
            word: name,
            **{
                group: _cell(steps.get(group), in_terminal, group in report.adopted.get(name, ()))
                for group in report.groups
            },
        }
        for name, steps in report.experiments.items()
    ]
    display.show_table(rows, report.title)


def _show_wells(report: Report) -> None:
    rows = [
        {"stage": name, "wells": wells.total, "done": wells.done, "kept": wells.kept, "to do": len(wells.to_do),
         "as": wells.to_do[0] if wells.to_do else None}
        for name, wells in report.wells.items()
    ]  # fmt: skip
    display.show_table(rows, "wells, of which the next run keeps what it can")


def _cell(step: Step | None, in_terminal: bool, is_adopted: bool = False, *, is_table: bool = False) -> Cell | None:
    """A symbol and a word in a terminal, the word elsewhere; of a stage with many outputs, how many there are.

    A table of all experiments is one thing, whatever its stage tells of it besides.
    """
    if step is None:
        return None
    count = f" {step.made}/{step.outs}" if step.outs > 3 and not is_table else ""
    symbol = f"{step.state.symbol} " if in_terminal else ""
    word = "adopted" if is_adopted and step.is_up_to_date else step.state
    return Cell(f"{symbol}{word}{count}", step.state)


def _show_tables(report: Report) -> None:
    in_terminal = sys.stdout.isatty()
    if not report.has_experiments:
        stages = [
            {"stage": name, "state": _cell(t.step, in_terminal), "why": t.step.why} for name, t in report.tables.items()
        ]
        display.show_table(stages, f"{len(stages)} stage{'s' * (len(stages) != 1)}")
        return
    rows = []
    for name, table in report.tables.items():
        counts = {str(state): table.count(state) for state in Membership}
        rows.append(
            {
                "cohort": name,
                "state": _cell(table.step, in_terminal, is_table=True),
                "rows": table.rows,
                **(counts if table.experiments is not None else dict.fromkeys(counts)),
                "why": table.problem or table.step.why,
            }
        )
    display.show_table(rows, "tables, and how many experiments are in each")


def _notes(report: Report, verbose: bool) -> Iterator[str]:
    steps = [step for step in report.steps.values() if not step.is_up_to_date]
    own = [step for step in steps if step.state != State.BEHIND]
    for step in own if verbose else [step for step in own if step.state in {State.FAILED, State.UNREADABLE}]:
        yield f"{step.stage}: {step.state}: {step.why}"
    if report.unusual:
        yield from _unusual(report.unusual, verbose)
    if own and not verbose:
        yield f"`morphseq why {own[0].stage}` tells what changed; --verbose names it for all"


def _unusual(unusual: Unusual, verbose: bool) -> Iterator[str]:
    for key, paths in unusual.orphans.items():
        some = paths if verbose else paths[:1]
        yield f"orphan: {key} is not listed, but {len(paths)} things are left of it: {_some(some, len(paths))}"
    for path in unusual.unlisted:
        yield f"unlisted: {path} is not an experiment of params.yaml"
    for stage, state in unusual.code.items():
        yield f"code: {stage} is {state}: `morphseq code status` says what to do"
    for problem in unusual.problems:
        yield f"could not be determined: {problem}"


def _some(names: list[str], count: int) -> str:
    return ", ".join(names) + (", ..." if count > len(names) else "")
