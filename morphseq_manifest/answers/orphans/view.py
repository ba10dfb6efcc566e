"""What `morphseq orphans` shows: a row an experiment or model and kind, with sizes."""

from typing import Any

from morphseq_manifest.answers.orphans.report import Kind, Orphan, Report
from morphseq_manifest.base import display

SCHEMA = "morphseq/orphans/1"


def show(report: Report, as_json: bool) -> None:
    """Print the report."""
    if as_json:
        display.show_json(SCHEMA, content(report))
        return
    display.show_table(rows(report.orphans), title(report))
    for problem in report.problems:
        display.show(f"could not be determined: {problem}")
    kinds = {orphan.kind for orphan in report.orphans}
    if Kind.UNKNOWN in kinds:
        display.show("What is not recorded was never made here, as far as anything shows: it is never deleted")
    if Kind.CACHED in kinds:
        display.show(
            "`dvc gc --workspace` frees DVC's cache of what no entry names; push first what earlier commits need"
        )


def title(report: Report) -> str:
    """How much is left of how many."""
    if not report.orphans:
        return "nothing is left of what is not listed"
    names = {orphan.of for orphan in report.orphans}
    outputs = [orphan for orphan in report.orphans if orphan.kind in {Kind.OUTPUT, Kind.UNKNOWN}]
    size = display.amount(sum(orphan.size for orphan in outputs))
    return f"{len(names)} no longer listed: {len(outputs)} outputs left, {size}"


def rows(orphans: list[Orphan]) -> list[dict[str, Any]]:
    """A row an experiment or model and kind of what is left."""
    groups: dict[tuple[str, Kind], list[Orphan]] = {}
    for orphan in orphans:
        groups.setdefault((orphan.of, orphan.kind), []).append(orphan)
    return [
        {
            "of": of,
            "what": kind,
            "number": len(group),
            "files": sum(orphan.nfiles for orphan in group) or None,
            "size": display.amount(sum(orphan.size for orphan in group)) if kind != Kind.ENTRY else None,
            "as": group[0].path,
        }
        for (of, kind), group in groups.items()
    ]


def content(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {"orphans": report.orphans, "problems": report.problems, "exit_code": int(report.exit_code)}
