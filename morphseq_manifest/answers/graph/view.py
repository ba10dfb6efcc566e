"""What `morphseq graph` shows: the graph as Mermaid, which GitHub, GitLab and many editors draw."""

import html
from collections.abc import Iterator
from typing import Any

from morphseq_manifest.answers.graph.report import Group, Report
from morphseq_manifest.base.display import visible
from morphseq_manifest.tracker.freshness.steps import State

SCHEMA = "morphseq/graph/1"
# Fills that are told apart without colours too, by their lightness; the text on them is black.
_FILLS = {
    State.UP_TO_DATE: "#b7e4c7", State.BEHIND: "#caf0f8", State.OUT_OF_DATE: "#ffd166", State.MISSING: "#e0e0e0",
    State.FAILED: "#f4a3a8", State.UNREADABLE: "#f28482",
}  # fmt: skip


def mermaid(report: Report) -> str:
    """The text of a flowchart: a box a group, coloured by the gravest state of its stages."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    names = {group.name: f"g{number}" for number, group in enumerate(report.groups)}
    yield "flowchart LR"
    for group in report.groups:
        yield f'  {names[group.name]}["{_label(group)}"]:::{_style(group.state)}'
    for group in report.groups:
        for earlier in group.after:
            yield f"  {names[earlier]} --> {names[group.name]}"
    for state in dict.fromkeys(group.state for group in report.groups):
        yield f"  classDef {_style(state)} fill:{_FILLS[state]},stroke:#333,color:#000"


def _label(group: Group) -> str:
    """A group's name, and how many of its stages are in which state."""
    total = sum(group.counts.values())
    parts = [str(state) if total == 1 else f"{count} {state}" for state, count in group.counts.items()]
    return f"{html.escape(visible(group.name))}<br/>{', '.join(parts)}"


def _style(state: State) -> str:
    return str(state).replace(" ", "_")


def content(report: Report) -> dict[str, Any]:
    """The same for programs."""
    return {
        "groups": [
            {"name": one.name, "state": one.state, "counts": one.counts, "after": one.after} for one in report.groups
        ],
        "exit_code": int(report.exit_code),
    }
