"""The `morphseq` command."""

from pathlib import Path

import click

from morphseq_manifest.commands.code import code
from morphseq_manifest.commands.provenance import diff, provenance
from morphseq_manifest.commands.run import pipeline, run
from morphseq_manifest.commands.status import status, why
from morphseq_manifest.commands.verify import verify
from morphseq_manifest.console import Group


@click.group(cls=Group)
@click.option(
    "-C", "root", type=click.Path(path_type=Path, file_okay=False), default=".", help="Work on the project in DIR."
)
@click.pass_context
def main(context: click.Context, root: Path) -> None:
    """Which experiments, with which content, are in df01, df02 and df03."""
    context.obj = root


for command in (status, why, run, pipeline, provenance, diff, verify, code):
    main.add_command(command)

if __name__ == "__main__":
    main()
