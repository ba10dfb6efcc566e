"""Shells, as DVC has them run commands."""

import os
from pathlib import Path

_OPTIONS = {"zsh": ["--no-rcs"], "bash": ["--noprofile", "--norc"]}
_PLAIN = {"sh", "bash", "dash"}
# What such a shell reads before it runs a command, or finds in its place.
_READ_FIRST = {"BASH_ENV", "ENV"}
_FUNCTION = "BASH_FUNC_"


def in_shell(command: str) -> list[str]:
    """The words that have a command run as DVC runs it."""
    shell = _shell()
    return [shell, *_OPTIONS.get(Path(shell).name, []), "-c", command]


def is_plain_shell() -> bool:
    """Whether a program that is named without more is the one on the path: nobody has put something in its place."""
    changed = any(name in _READ_FIRST or name.startswith(_FUNCTION) for name in os.environ)
    return Path(_shell()).name in _PLAIN and not changed


def _shell() -> str:
    return os.environ.get("SHELL") or "/bin/sh"
