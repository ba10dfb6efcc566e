"""`morphseq verify`."""

from pathlib import Path

import click

from morphseq_manifest.base.console import Command, examples, printing
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.commands.options import with_experiments, with_json


@click.command(
    cls=Command,
    epilog=examples(
        "morphseq verify",
        "morphseq verify --experiments 20240418",
        "morphseq verify --sample 5 --seed 1",
        "morphseq verify --crate df03.zip",
    ),
)
@click.option(
    "--sample",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="PERCENT",
    help="Hash a random share of the files only.",
)
@click.option("--seed", type=int, help="Repeat the sample that was taken with this seed.")
@with_experiments
@click.option("--restart", is_flag=True, help="Start over instead of resuming.")
@click.option(
    "--crate",
    type=click.Path(path_type=Path),
    metavar="DIR|ZIP",
    help="Check what `morphseq export` has written; no project is needed.",
)
@with_json
@click.pass_context
def verify(
    context: click.Context,
    sample: float | None,
    seed: int | None,
    experiments: tuple[str, ...],
    later_than: str | None,
    restart: bool,
    crate: Path | None,
    as_json: bool,
) -> None:
    """Hash everything again, and name damage.

    Names the frames, stacks, tables, models and manifests that are damaged, missing or not recorded. After Ctrl-C the
    same command resumes. Exit status: 0 if all is as recorded, 3 if something is not, 4 if something can't be read,
    1 if stages recorded different contents of one file.
    """
    if crate is not None:
        if sample is not None or seed is not None or experiments or later_than or restart:
            raise ConfigError("--crate checks all of a crate: leave out the other options")
        _check_crate(context, crate, as_json)
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


def _check_crate(context: click.Context, crate: Path, as_json: bool) -> None:
    from morphseq_manifest.answers.export import checking, view

    report = checking.check(crate)
    with printing():
        view.show(report, as_json)
    context.exit(report.exit_code)
