"""`morphseq rename`."""

import click

from morphseq_manifest.base.console import Command, examples, note, printing
from morphseq_manifest.commands import completing


@click.command(cls=Command, epilog=examples("morphseq rename 20240418 20240418_wt"))
@click.argument("old", shell_complete=completing.experiments)
@click.argument("new")
@click.pass_context
def rename(context: click.Context, old: str, new: str) -> None:
    """Give an experiment another id in params.yaml.

    The frames and the plate table of OLD must lie under the id NEW already; else this says what to move. Nothing but
    params.yaml is changed: what was made of OLD stays, and all is made for NEW. Exit status: 0 if it is renamed, 1 if
    something is to be looked into besides, 3 or 4 if a stage would refuse something, and nothing was done.
    """
    from morphseq_manifest.answers.check import adding, view
    from morphseq_manifest.cohort import belongings
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

    before = CohortSnapshot(context.obj)
    left, beside = belongings.of_experiment(before, old), belongings.beside_inputs(before, old)
    found = adding.rename(context.obj, old, new)
    if found.exit_code:
        with printing():
            view.show(found, as_json=False)
    if found.exit_code > 1:
        note(f"not renamed: {old}")
    else:
        note(f"renamed: {old} is {new}; left of {old}: {left}")
        if beside:
            note(f"still under the old id: {', '.join(beside)}. Move what is of {new}")
    context.exit(found.exit_code)
