"""The pages of docs/ that are made from the code: `make docs`, or `python -m tests.docs.generate`, writes them."""

from collections.abc import Callable, Iterator

import click

from morphseq_manifest.commands.group import main
from tests.project import REPOSITORY

_WIDTH = 100
_COMMANDS = """\
# Commands

What `morphseq COMMAND -h` says, for every command. This page is generated: `make docs` writes it anew.

Every command works on the project that the present folder is in, or `DIR` with `morphseq -C DIR`: the nearest folder
upward with a `.dvc` folder, as DVC finds it. Results go to stdout, progress and advice to stderr. With `--json`, stdout
is one JSON object with a `schema` field ([json.md](json.md)), also if the command can't do its work. Exit status, with
and without `--json`: 0 fine, 1 stale or different, 2 wrong usage or configuration, 3 content is not what was recorded,
4 something could not be read, 130 after Ctrl-C.

Options of `morphseq` itself stand before the command: `morphseq -q run`, `morphseq --color always status | less -R`.

Commands, options, stages, experiments and tables are completed with Tab, once a line is in your shell's configuration,
which `morphseq init` also prints:

| shell | file | line |
|---|---|---|
| bash | `~/.bashrc` | `eval "$(_MORPHSEQ_COMPLETE=bash_source morphseq)"` |
| zsh | `~/.zshrc` | `eval "$(_MORPHSEQ_COMPLETE=zsh_source morphseq)"` |
| fish | `~/.config/fish/config.fish` | `_MORPHSEQ_COMPLETE=fish_source morphseq \\| source` |
"""


def every_command() -> Iterator[click.Context]:
    """A context for `morphseq` and for each command and subcommand of it, in the order of the help."""
    yield from _contexts(main, None, "morphseq")


def _contexts(command: click.Command, parent: click.Context | None, name: str) -> Iterator[click.Context]:
    settings = command.context_settings
    context = click.Context(command, parent=parent, info_name=name, terminal_width=_WIDTH, **settings)
    yield context
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found
            yield from _contexts(found, context, inner)


def commands() -> str:
    """The page with the help of every command."""
    helps = (f"\n## {context.command_path}\n\n```text\n{context.get_help()}\n```\n" for context in every_command())
    return _COMMANDS + "".join(helps)


# By the file under docs/ that it makes.
PAGES: dict[str, Callable[[], str]] = {"commands.md": commands}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (REPOSITORY / "docs" / file).write_text(page(), encoding="utf-8")
