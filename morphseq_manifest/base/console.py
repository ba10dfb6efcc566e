"""What every command line of the project shares: errors become one message and an exit status, never a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from morphseq_manifest.base.display import show_json, visible
from morphseq_manifest.base.errors import ExitCode, MorphseqError, described

_HELP = ["-h", "--help"]


ERROR_SCHEMA = "morphseq/error/1"
_is_quiet = False


@contextmanager
def _messages(context: click.Context) -> Iterator[None]:
    try:
        yield
    except MorphseqError as error:
        _end(context, f"error: {error}", error.exit_code)
    except OSError as error:
        _end(context, f"error: {described(error)}", ExitCode.UNREADABLE)
    except KeyboardInterrupt:
        _end(context, "interrupted", ExitCode.INTERRUPTED)


def _end(context: click.Context, message: str, status: ExitCode) -> None:
    """End a command that can't do its work; with `--json` it says why as JSON, too."""
    _say(message)
    if context.params.get("as_json"):
        _show_error(message.removeprefix("error: "), status)
    context.exit(status)


def _show_error(message: str, status: ExitCode) -> None:
    try:
        with printing():
            show_json(ERROR_SCHEMA, {"error": message, "exit_code": int(status)})
    except OSError:  # such as a full disk, which may be what the message on stderr is about
        _silence(sys.stdout)


class Command(click.Command):
    """A click command that ends with a message and an exit status if it can't do its work; `-h` shows its help."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", _HELP)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; with `--json`, what is wrong with it is said as JSON, too."""
        is_json = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if is_json:
                _show_error(error.format_message(), ExitCode.USAGE)
            raise

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

    def invoke(self, ctx: click.Context) -> Any:
        """Find the command and run it; while it is looked for, Ctrl-C is taken as it is later."""
        with _messages(ctx):
            return super().invoke(ctx)

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Run what the command line says; help that can't be printed ends with a message, too."""
        try:
            return super().main(*arguments, **settings)
        except OSError as error:
            _silence(sys.stdout)
            _say(f"error: {described(error)}")
            sys.exit(ExitCode.UNREADABLE)


def examples(*lines: str) -> str:
    """The end of a command's help: what to type, a line each, as it stands."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def note(text: str) -> None:
    """Say something to the person watching; results go to stdout or files, never here. Nobody needs to listen."""
    if not _is_quiet:
        _say(text)


def be_quiet() -> None:
    """From now on say nothing but errors."""
    global _is_quiet
    _is_quiet = True


def is_watched() -> bool:
    """Whether somebody at a terminal is to see how far a long step is."""
    return sys.stderr.isatty() and not _is_quiet


def _say(text: str) -> None:
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
