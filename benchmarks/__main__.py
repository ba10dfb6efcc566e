"""`python -m benchmarks [NAME...] [--quick]`: a line a figure; ends with 1 if any is short of its bound."""

import sys
from importlib import import_module

import click

BENCHMARKS = (
    "adopt", "cluster", "cohort", "dvc_projects", "export", "forecast", "history", "images", "pipeline", "run",
    "status", "verify",
)  # fmt: skip


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(BENCHMARKS), metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Smaller data, under 50 s a benchmark.")
def main(names: tuple[str, ...], quick: bool) -> None:
    """Measure the benchmarks NAME (all by default) and hold them against their bounds."""
    short = False
    for name in names or BENCHMARKS:
        for figure in import_module(f"benchmarks.{name}").figures(quick):
            click.echo(figure.line())
            short |= not figure.ok
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
