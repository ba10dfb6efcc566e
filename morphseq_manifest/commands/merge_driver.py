"""`morphseq merge-driver`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, note
from morphseq_manifest.base.errors import ExitCode

_FILE = click.Path(path_type=Path, dir_okay=False)
# So much of what a stranger's branch says is shown: names of what is in conflict, and characters of a text.
_SHOWN, _LONGEST = 10, 200


@click.command("merge-driver", cls=Command, epilog=examples("morphseq merge-driver -- before ours theirs dvc.lock 7"))
@click.argument("base", type=_FILE)
@click.argument("ours", type=_FILE)
@click.argument("theirs", type=_FILE)
@click.argument("path")
@click.argument("size", type=click.IntRange(1, 1000), required=False, default=7)
@click.pass_context
def merge_driver(context: click.Context, base: Path, ours: Path, theirs: Path, path: str, size: int) -> None:
    """Merge one file for git, which calls this.

    Writes into OURS what comes of the file PATH that was BASE, and has become OURS and THEIRS: experiments, entries of
    dvc.lock and dependencies one by one, all else by lines. Marks of conflicts have SIZE characters. `morphseq init`
    sets it up. Exit status: 0 if it is merged, 1 if something is left to you, and named.
    """
    from morphseq_manifest.base.small_files import read_small
    from morphseq_manifest.cohort import merging

    merged = merging.merge(context.obj, read_small(base), read_small(ours), read_small(theirs), path, size)
    ours.write_bytes(merged.text.encode(errors="surrogateescape"))
    if merged.remark:
        note(f"{path}: {merged.remark}")
    if merged.conflicts:
        more = f" and {len(merged.conflicts) - _SHOWN} more" if len(merged.conflicts) > _SHOWN else ""
        named = ", ".join(map(_brief, merged.conflicts[:_SHOWN]))
        note(f"error: {path}: both sides changed, each in its own way: {named}{more}")
    if merged.left:
        note(f"error: {path}: merged by lines alone; look through all of it: {_brief(merged.left)}")
    context.exit(ExitCode.STALE if merged.conflicts or merged.left else ExitCode.OK)


def _brief(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
