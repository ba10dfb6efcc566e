"""`morphseq upgrade`."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from morphseq_manifest.base.console import Command, examples, note, printing


@click.command(cls=Command, epilog=examples("morphseq upgrade --dry-run", "morphseq upgrade"))
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@click.pass_context
def upgrade(context: click.Context, dry_run: bool) -> None:
    """Bring a data repository to the installed release.

    Of one that `morphseq init DIR` made: its dvc.yaml, stages and settings become those of the release. What you have
    edited stays; what is new in the same file is merged into it, or, if that can't be, put beside it as FILE.new. Says
    which versions of results changed, and what will run again. Exit status: 0 if all is done, 1 if something is left
    to be merged by hand.
    """
    from morphseq_manifest.base import display
    from morphseq_manifest.base.errors import ExitCode
    from morphseq_manifest.cohort import upgrading
    from morphseq_manifest.cohort.upgrading import What

    root = context.obj
    before = _versions(root)
    found = upgrading.plan(root) if dry_run else upgrading.upgrade(root)
    with printing():
        rows = [{"file": file.path, "what": file.what} for file in found.files]
        display.show_table(rows, f"from release {found.old} to {found.new}: {len(rows) or 'no'} files")
    if not dry_run:
        _say_what_runs(root, before)
    by_hand = [file.path for file in found.files if file.what == What.BY_HAND]
    for path in by_hand:
        note(f"to be merged: put what is new in {path}.new into {path}, then delete it")
    context.exit(ExitCode.STALE if by_hand else ExitCode.OK)


def _versions(root: Path) -> dict[str, Any]:
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

    return dict(CohortSnapshot(root).params.values.get("versions", {}))


def _say_what_runs(root: Path, before: dict[str, Any]) -> None:
    """Say which versions changed, and of which stages how many are not up to date."""
    from morphseq_manifest.answers.status.report import status

    for name, version in _versions(root).items():
        if before.get(name) != version:
            note(f"version of {name}: {before.get(name, 'none')}, now {version}")
    steps = status(root).steps.values()
    late = Counter(step.stage.partition("@")[0] for step in steps if not step.is_up_to_date)
    runs = ", ".join(f"{name} ({count})" for name, count in late.items())
    note(f"will run again, as far as is known now: {runs or 'nothing'}")
