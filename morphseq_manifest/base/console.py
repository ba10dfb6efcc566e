"""What every command line of the project shares: errors become one message and an exit code, never a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from morphseq_manifest.base.errors import ExitCode, MorphseqError


@contextmanager
def _messages(context: click.Context) -> Iterator[None]:
    try:
        yield
    except MorphseqError as error:
        click.echo(f"error: {error}", err=True)
        context.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to be said, also when the stream is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        context.exit(ExitCode.OK)
    except OSError as error:
        click.echo(f"error: {error.filename or 'input or output'}: {error.strerror or error}", err=True)
        context.exit(ExitCode.UNREADABLE)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        context.exit(ExitCode.INTERRUPTED)


class Command(click.Command):
    """A click command that ends with a message and an exit code where it can't do its work."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, turning the project's errors into messages."""
        with _messages(ctx):
            return self.attempt(ctx)

    def attempt(self, ctx: click.Context) -> Any:
        """Run the command; what it raises becomes the message."""
        return super().invoke(ctx)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def note(text: str) -> None:
    """Say something to the person watching; results go to stdout or files, never here."""
    click.echo(text, err=True)
