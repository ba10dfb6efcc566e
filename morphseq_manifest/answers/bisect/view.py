"""What `morphseq bisect` shows: a line a commit at which it changed."""

from typing import Any

import msgspec

from morphseq_manifest.answers.bisect.report import Report
from morphseq_manifest.base import display

SCHEMA = "morphseq/bisect/1"


def show(report: Report, when: str) -> None:
    """Print the changes, newest first, and what could not be told."""
    rows = [
        {
            "commit": f"{change.by.id}{' or before' * change.vague}",
            "day": change.by.day,
            "author": change.by.author,
            "subject": change.by.subject,
            "before": " / ".join(dict.fromkeys(map(_text, change.before))),
            "now": _text(change.now),
        }
        for change in report.changes
    ]
    count = f"{len(rows)} of {report.commits} commits that changed {report.table}"
    display.show_table(rows, f"{when}: changed at {count}" if rows else f"{when}: did not change at any of {count[5:]}")
    for why in dict.fromkeys(report.untold.values()):
        commits = [commit for commit, reason in report.untold.items() if reason == why]
        display.show()
        display.show(f"not told at {len(commits)} commit{'s' * (len(commits) != 1)}, as {commits[0]}: {why}")


def content(report: Report, when: str) -> dict[str, Any]:
    """The same for programs."""
    return {
        "when": when,
        "table": report.table,
        "changes": [
            {
                **msgspec.structs.asdict(change.by),
                "commit": change.commit,
                "before": change.before,
                "now": change.now,
                "vague": change.vague,
            }
            for change in report.changes
        ],
        "commits": report.commits,
        "untold": report.untold,
        "exit_code": int(report.exit_code),
    }


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
