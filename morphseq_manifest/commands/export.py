"""`morphseq export`."""

from pathlib import Path

import click

from morphseq_manifest.base import display
from morphseq_manifest.base.console import Command, examples, note

_NO_LICENCE = "No licence is given: ask those who made the data"


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq export df03 --output df03.zip",
        "morphseq export df02 df03 --rev v1.0 --output paper",
        "morphseq export df03 --output df03.zip --license https://creativecommons.org/licenses/by/4.0/",
    ),
)
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR|ZIP",
    help="Write this folder, or this zip if the name ends with .zip.",
)  # fmt: skip
@click.option("--rev", metavar="REV", help="The tables as of this commit, from git and DVC's cache or its remote.")
@click.option(
    "--license", "licence", default=_NO_LICENCE, metavar="TEXT", help="The data's licence: an address, or words."
)
@click.option("--force", is_flag=True, help="Replace what is there, even if no export has written it.")
@click.pass_obj
def export(root: Path, tables: tuple[str, ...], output: Path, rev: str | None, licence: str, force: bool) -> None:
    """Write an archive of tables and where they come from.

    TABLE is df01, df02 or df03. With it go the manifests, params.yaml, dvc.yaml, dvc.lock and what an audit has found,
    as an RO-Crate that tells of every experiment, model and stage with its hashes, and the same as PROV-JSON. `morphseq
    verify --crate` checks it. The same commit gives the same bytes. Exit status: 0 if it is written, 3 if something is
    not what was recorded, 4 if something is not there; then nothing is written.
    """
    from morphseq_manifest.answers.export import report

    done = report.export(root, tables, output, rev, licence=licence, force=force)
    note(f"{output} written: {done.files} files, {display.amount(done.size)}, of commit {done.commit[:12]}")
    if done.changed:
        note(f"changed since that commit, and exported as they are now: {', '.join(done.changed)}")
