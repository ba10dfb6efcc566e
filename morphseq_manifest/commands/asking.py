"""Asking before something is deleted."""

import sys
from collections.abc import Sequence

import click

from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ConfigError

_SHOWN = 10


def ask_to_delete(paths: Sequence[str], things: str, option: str, *, yes: bool) -> None:
    """Ask whether these `things` may be deleted, unless the answer is `yes`; `option` is what asked for it.

    Ends the command if they may not. Raises ConfigError if nobody can be asked.
    """
    if yes or not paths:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"{option} would delete {things}: give --yes too. Nothing was done")
    for path in paths[:_SHOWN]:
        note(f"  {path}")
    if len(paths) > _SHOWN:
        note(f"  and {len(paths) - _SHOWN} more")
    click.confirm(f"Delete {'these' if len(paths) > 1 else 'this'} {things}?", abort=True, err=True)
