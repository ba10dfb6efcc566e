"""Options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from morphseq_manifest.commands import completing

Function = TypeVar("Function", bound=Callable[..., Any])


def with_experiments(function: Function) -> Function:
    """Add `--experiments A,B` and `--later-than YYYYMMDD`: the parameters `experiments` and `later_than`."""
    names = click.option(
        "--experiments",
        multiple=True,
        metavar="A,B",
        help="Only these experiments.",
        shell_complete=completing.experiments,
    )
    day = click.option("--later-than", metavar="YYYYMMDD", help="Only experiments dated after this day.")
    return names(day(function))


def with_json(function: Function) -> Function:
    """Add `--json`: the parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)
