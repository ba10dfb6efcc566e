"""`morphseq remove`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, note
from morphseq_manifest.commands import completing
from morphseq_manifest.commands.asking import ask_to_delete


@click.command(
    cls=Command,
    epilog=examples("morphseq remove 20240418", "morphseq remove 20240418 20250305_1 --delete-outputs"),
)
@click.argument("experiments", nargs=-1, required=True, metavar="EXPERIMENT...", shell_complete=completing.experiments)
@click.option("--delete-outputs", is_flag=True, help="Delete what their stages made; asks first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(root: Path, experiments: tuple[str, ...], delete_outputs: bool, yes: bool) -> None:
    """Take experiments out of params.yaml.

    Says what is left of each EXPERIMENT: what its stages made, and their entries in dvc.lock. Frames, plate tables and
    models are never deleted, with --delete-outputs neither; what is in DVC's cache stays there, too. Exit status: 0 if
    they are removed, 1 if you said no.
    """
    from morphseq_manifest.cohort import belongings, experiments_text, params_edit, selection
    from morphseq_manifest.cohort.snapshot import CohortSnapshot
    from morphseq_manifest.tracker.dvc.params_file import PARAMS

    snapshot = CohortSnapshot(root)
    names = set(selection.named(experiments, snapshot.experiments))
    if delete_outputs:
        paths = [path for name in sorted(names) for path in belongings.of_experiment(snapshot, name).outputs]
        ask_to_delete(paths, belongings.counted(paths), "--delete-outputs", yes=yes)
    with params_edit.editing(root) as (now, write):
        left = {name: belongings.of_experiment(now, name) for name in sorted(names)}
        gone = experiments_text.comments(now.settings_text, names, root / PARAMS)
        write(experiments_text.removed(now.settings_text, names, root / PARAMS))
        for name, found in left.items():
            if delete_outputs:
                belongings.delete(root, found.outputs)
                found = belongings.Belongings([], found.entries)
            note(f"removed: {name}; left of it: {found}")
    for comment in gone:
        note(f"removed with it: {comment}")
