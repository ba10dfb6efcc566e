"""`morphseq code status` and `morphseq code accept`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Group, examples, note, printing
from morphseq_manifest.base.errors import ExitCode
from morphseq_manifest.commands.options import with_json


@click.group(cls=Group, epilog=examples("morphseq code status", "morphseq code accept snips"))
def code() -> None:
    """Compare the stages' code with their versions."""


@code.command("status", epilog=examples("morphseq code status", "morphseq code status --json"))
@with_json
@click.pass_context
def code_status(context: click.Context, as_json: bool) -> None:
    """Show which stages have other code than recorded.

    Exit status: 0 if all code is as recorded, 1 if code changed under an unchanged version, or a version's code is not
    recorded.
    """
    from morphseq_manifest.answers.code import versions, view
    from morphseq_manifest.base import display

    states = versions.status(context.obj)
    with printing():
        if as_json:
            display.show_json("morphseq/code-status/1", {"stages": states})
        else:
            display.show_table(view.rows(states), view.title(states))
    if not states:
        note("no stage has a version in params.yaml: there is nothing to compare its code with")
    if not as_json:
        for line in view.advice(states):
            note(line)
    context.exit(ExitCode.OK if versions.is_clean(states) else ExitCode.STALE)


@code.command("accept", epilog=examples("morphseq code accept", "morphseq code accept snips latents"))
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.pass_obj
def code_accept(root: Path, stages: tuple[str, ...]) -> None:
    """Record the present code of each STAGE (or all).

    Writes it to manifests/code.json, under the present version of the stage in params.yaml. If the code has changed and
    the version has not, accepting declares the results unchanged.
    """
    from morphseq_manifest.answers.code import versions, view

    for line in view.accepted(versions.accept(root, stages)):
        note(line)
