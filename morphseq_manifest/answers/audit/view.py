"""What `morphseq audit` shows: a row a stage that was made again."""

from typing import Any

from morphseq_manifest.answers.audit import sampling
from morphseq_manifest.answers.audit.report import Report
from morphseq_manifest.base import display
from morphseq_manifest.cohort.manifests import places

SCHEMA = "morphseq/audited/1"
_FAULTY = 0.05
_SHOWN = 4


def show(report: Report) -> None:
    """Print the results, what such a draw promises, and what was left out."""
    rows = [
        {
            "stage": one.stage,
            "wells": _some(one.wells),
            "result": one.result,
            "what": one.why or _others(one.outputs),
        }
        for one in report.results
    ]
    drawn = len(report.drawn)
    display.show_table(rows, f"{drawn} of {report.units} units made again (seed {report.asked.seed})")
    if drawn:
        faulty = max(1, round(report.units * _FAULTY))
        found = sampling.chance(report.units, drawn, faulty)
        display.show(f"if {faulty} of the {report.units} did not come out again, this draw shows it with {found:.0%}")
    for why in dict.fromkeys(report.left_out.values()):
        names = [name for name, reason in report.left_out.items() if reason == why]
        display.show(f"left out: {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {why}")
    display.show(f"{places.AUDIT} written")


def _some(wells: list[str]) -> str | None:
    """Some wells; of many the first, and how many there are."""
    if len(wells) > _SHOWN:
        return f"{','.join(wells[:_SHOWN])} and {len(wells) - _SHOWN} more"
    return ",".join(wells) or None


def _others(outputs: dict[str, str]) -> str | None:
    return "; ".join(f"{path}: {what}" for path, what in outputs.items() if what != "same") or None


def content(report: Report) -> dict[str, Any]:
    """The same for programs."""
    return {
        "units": report.units,
        "drawn": report.drawn,
        "results": report.results,
        "left_out": report.left_out,
        "exit_code": int(report.exit_code),
    }
