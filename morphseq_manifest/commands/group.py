"""The `morphseq` command."""

from importlib import import_module
from pathlib import Path

import click

from morphseq_manifest.base import project_folder
from morphseq_manifest.base.console import Group, be_quiet, examples
from morphseq_manifest.base.display import COLOURS, choose_colours

# The commands, and the module of each: only that of the one asked for is imported.
_MODULES = {
    "status": "status", "why": "why", "graph": "graph", "report": "report", "view": "view",
    "run": "run", "pipeline": "run", "provenance": "provenance",
    "blame": "blame", "diff": "diff", "show": "show", "bisect": "bisect", "audit": "audit", "log": "log",
    "export": "export", "verify": "verify", "index": "index", "check": "check",
    "add": "add", "remove": "remove", "rename": "rename", "orphans": "orphans", "adopt": "adopt", "code": "code",
    "init": "init", "upgrade": "upgrade", "merge-driver": "merge_driver",
}  # fmt: skip


class _Commands(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        found = getattr(import_module(f"morphseq_manifest.commands.{_MODULES[cmd_name]}"), cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)
        return found


@click.group(
    cls=_Commands,
    epilog=examples(
        "morphseq status",
        "morphseq why df03",
        "morphseq run --dry-run",
        "morphseq -C ~/morphseq provenance df01",
    ),
)
@click.option(
    "-C",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    default=".",
    help="Work on the project in DIR, or that DIR is in.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors: no notes, no progress.")
@click.option(
    "--color",
    "colours",
    type=click.Choice(COLOURS),
    default="auto",
    help="Print colours (default: auto, in a terminal unless NO_COLOR is set).",
)
@click.version_option(package_name="morphseq-manifest", prog_name="morphseq", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context, root: Path, quiet: bool, colours: str) -> None:
    """Show what is in df01, df02 and df03, find what is out of date, and run it."""
    if quiet:
        be_quiet()
    choose_colours(colours)
    context.obj = Path(project_folder.find(str(root)))
