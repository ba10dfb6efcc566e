"""What can go wrong, as one family of exceptions, and the exit statuses they end a command with."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How every command of the project ends; the same with and without `--json`."""

    OK = 0
    STALE = 1
    USAGE = 2
    CONTENT = 3
    UNREADABLE = 4
    INTERRUPTED = 130


class MorphseqError(Exception):
    """Root of all errors a user can meet. The message says which file, what was wrong, what to do."""

    exit_code = ExitCode.STALE


class ConfigError(MorphseqError):
    """Wrong usage or settings: params.yaml, a model's config.json, a command's arguments."""

    exit_code = ExitCode.USAGE


class ContentError(MorphseqError):
    """Content is not what was recorded or agreed: a changed frame, a damaged manifest, a wrong table."""

    exit_code = ExitCode.CONTENT


class UnreadableError(MorphseqError):
    """A file or folder is missing or can't be read."""

    exit_code = ExitCode.UNREADABLE


def described(error: OSError) -> str:
    """What the system would not do, with the file's name if it is known."""
    return f"{error.filename or 'input or output'}: {error.strerror or error}"
