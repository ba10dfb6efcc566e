"""`python -m benchmarks [NAME...] [--quick]`: a line a figure; ends with 1 if any is short of its bound."""

import sys
from collections.abc import Callable, Iterator

import click

from benchmarks import cohort, images, pipeline, run, status, verify
from benchmarks.figures import Figure

BENCHMARKS: dict[str, Callable[[bool], Iterator[Figure]]] = {
    "cohort": cohort.figures,
    "images": images.figures,
    "pipeline": pipeline.figures,
    "run": run.figures,
    "status": status.figures,
    "verify": verify.figures,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(BENCHMARKS)), metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Smaller data, under 50 s a benchmark.")
def main(names: tuple[str, ...], quick: bool) -> None:
    """Measure the benchmarks NAME (all by default) and hold them against their bounds."""
    short = False
    for name in names or sorted(BENCHMARKS):
        for figure in BENCHMARKS[name](quick):
            click.echo(figure.line())
            short |= not figure.ok
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
