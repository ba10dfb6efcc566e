"""`morphseq verify`."""

import click

from morphseq_manifest.base.console import Command, printing
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.commands.options import with_experiments, with_json


@click.command(cls=Command)
@click.option("--sample", type=click.FloatRange(0, 100, min_open=True), metavar="PERCENT", help="Hash this share only.")
@click.option("--seed", type=int, help="Take the sample that was taken with this seed.")
@with_experiments
@click.option("--restart", is_flag=True, help="Hash again what an interrupted check has hashed.")
@with_json
@click.pass_context
def verify(
    context: click.Context,
    sample: float | None,
    seed: int | None,
    experiments: tuple[str, ...],
    later_than: str | None,
    restart: bool,
    as_json: bool,
) -> None:
    """Hash everything again, and name damage.

    Frames, stacks, tables, models and manifests: damaged, missing and unrecorded ones. Ends with 3 where there are
    any, with 4 where something can't be read, with 1 where stages recorded different contents of one file. After
    Ctrl-C the same command goes on where it was.
    """
    from morphseq_manifest.answers.verify import report as checking
    from morphseq_manifest.answers.verify import view

    if seed is not None and sample is None:
        raise ConfigError("--seed repeats a sample: give --sample too")
    report = checking.verify(
        context.obj, experiments, later_than, sample=sample, seed=seed, restart=restart, watch=view.watching
    )
    with printing():
        view.show(report, as_json)
    context.exit(report.exit_code)
