"""What every command line of the project shares: errors become one message and an exit status, never a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from morphseq_manifest.base.display import visible
from morphseq_manifest.base.errors import ExitCode, MorphseqError, described

_HELP = ["-h", "--help"]


@contextmanager
def _messages(context: click.Context) -> Iterator[None]:
    try:
        yield
    except MorphseqError as error:
        note(f"error: {error}")
        context.exit(error.exit_code)
    except OSError as error:
        note(f"error: {described(error)}")
        context.exit(ExitCode.UNREADABLE)
    except KeyboardInterrupt:
        note("interrupted")
        context.exit(ExitCode.INTERRUPTED)


class Command(click.Command):
    """A click command that ends with a message and an exit status if it can't do its work; `-h` shows its help."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", _HELP)

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

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", _HELP)


def examples(*lines: str) -> str:
    """The end of a command's help: what to type, a line each, as it stands."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def note(text: str) -> None:
    """Say something to the person watching; results go to stdout or files, never here. Nobody needs to listen."""
    try:
        click.echo(visible(text), err=True)
    except OSError:
        _silence(sys.stderr)


@contextmanager
def printing() -> Iterator[None]:
    """Print results in this block. A reader that has seen enough, as `head` has, changes no exit status."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)


def open_streams() -> None:
    """Give what was closed when the process was started a place to go: a file opened later would take its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _silence(stream: TextIO) -> None:
    """Let what is still to be said go nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
