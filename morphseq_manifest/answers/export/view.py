"""What `morphseq verify --crate` shows."""

import msgspec

from morphseq_manifest.answers.export.checking import Report
from morphseq_manifest.base import display

SCHEMA = "morphseq/crate/1"


def show(report: Report, as_json: bool) -> None:
    """Print what was found: as JSON, or as a table."""
    if as_json:
        display.show_json(SCHEMA, {"exit_code": int(report.exit_code), **msgspec.to_builtins(report)})
        return
    about = f"{', '.join(report.tables) or 'no table'} at {report.commit or 'no commit'}"
    extent = f"{report.crate}: {about}, {report.files} files, {display.amount(report.size)}"
    if not report.findings:
        display.show(f"{extent}: as exported")
        return
    rows = [{"path": one.path, "what": one.what, "expected": one.expected, "found": one.found}
            for one in report.findings]  # fmt: skip
    display.show_table(rows, f"{extent}: {len(rows)} not as exported")
    display.show("Get the crate again from where it comes, or export it again")
