"""What `morphseq check` shows: a row an experiment and finding."""

from typing import Any

from morphseq_manifest.answers.check.report import Report
from morphseq_manifest.base import display
from morphseq_manifest.cohort.input_findings import Kind

SCHEMA = "morphseq/inputs/1"


def show(report: Report, as_json: bool) -> None:
    """Print the report."""
    if as_json:
        display.show_json(SCHEMA, content(report))
        return
    display.show_table(rows(report), title(report))


def title(report: Report) -> str:
    """How many experiments are fine, and how many are not."""
    kinds = [inputs.kind for inputs in report.experiments.values()]
    words = {Kind.FINE: "fine", Kind.WARNING: "to look into", Kind.FAULT: "can't be run"}
    counts = [f"{kinds.count(kind)} {word}" for kind, word in words.items() if kind in kinds]
    return f"{len(kinds)} experiment{'s' * (len(kinds) != 1)}: {', '.join(counts) or 'nothing to check'}"


def rows(report: Report) -> list[dict[str, Any]]:
    """A row an experiment and finding; of one of which nothing was found, what there is of it."""
    found = []
    for name, inputs in report.experiments.items():
        told = [(finding.kind, finding.text) for finding in inputs.findings] or [(Kind.FINE, inputs.plate)]
        shown = name if name.isprintable() else repr(name)
        found += [{"experiment": shown, "finding": kind, "what": text} for kind, text in told]
    return found


def content(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "experiments": {
            name: {
                "state": inputs.kind,
                "plate": inputs.plate,
                "findings": [{"kind": one.kind, "status": one.status, "text": one.text} for one in inputs.findings],
            }
            for name, inputs in report.experiments.items()
        },
        "exit_code": int(report.exit_code),
    }
