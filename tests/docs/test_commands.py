"""Every command has its section in the docs, help that says what it does, and examples that can be typed."""

import importlib.metadata
import re
import shlex
import subprocess
import sys
import tomllib

import click
import pytest

from morphseq_manifest.commands.group import main
from tests.docs import generate
from tests.project import REPOSITORY

CONTEXTS = {context.command_path: context for context in generate.every_command()}
each = pytest.mark.parametrize("name", CONTEXTS)
# Another release of click lays out help in another way.
_PINNED = f"click=={importlib.metadata.version('click')}\n" in (REPOSITORY / "constraints.txt").read_text(
    encoding="utf-8"
)


@pytest.mark.skipif(not _PINNED, reason="the pages are made with the click of constraints.txt")
@pytest.mark.parametrize("file", generate.PAGES)
def test_pages_are_as_generated(file: str) -> None:
    written = (REPOSITORY / "docs" / file).read_text(encoding="utf-8")
    assert written == generate.PAGES[file](), f"docs/{file} is not what the code says: run `make docs`"


@each
def test_every_command_has_its_section(name: str) -> None:
    page = (REPOSITORY / "docs/commands.md").read_text(encoding="utf-8")
    assert f"\n## {name}\n" in page, f"docs/commands.md has no section {name}: run `make docs`"


@each
def test_the_first_line_says_what_the_command_does(name: str) -> None:
    first, _, rest = (CONTEXTS[name].command.help or "").partition("\n")
    assert first.endswith("."), f"the help of {name} has no first line that is a sentence"
    assert first.split()[0] not in {"The", "A", "An", "Which", "What", "How"}, f"{name}: begin with a verb: {first}"
    assert not rest or rest.startswith("\n"), f"{name}: the first line stands alone in the list of commands: {first}"


def test_the_list_of_commands_shows_first_lines_whole() -> None:
    assert "..." not in main.get_help(click.Context(main, terminal_width=80)).split("Commands:")[1]


@each
def test_every_option_has_help(name: str) -> None:
    options = [option for option in CONTEXTS[name].command.params if isinstance(option, click.Option)]
    assert not [option.opts for option in options if not option.help]


@each
def test_every_command_has_examples_that_parse(name: str) -> None:
    lines = re.findall(r"^  (morphseq .*)$", CONTEXTS[name].command.epilog or "", re.MULTILINE)
    assert lines, f"{name} has no example: give @click.command an epilog=examples(...)"
    for line in lines:
        assert line.startswith(f"{name} ") or line == name, f"an example of {name}: {line}"
        arguments = shlex.split(line.removeprefix(name))
        CONTEXTS[name].command.make_context(name, arguments).close()  # raises if an option is wrong


def test_every_command_has_short_and_long_help_and_the_version_is_that_of_the_project() -> None:
    for context in CONTEXTS.values():
        assert context.help_option_names == ["-h", "--help"]
    done = subprocess.run(
        [sys.executable, "-m", "morphseq_manifest", "--version"], text=True, capture_output=True, check=True
    )
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert done.stdout == f"morphseq {project['version']}\n"


@pytest.mark.parametrize("module", ["stages.experiments", "simulation.plates"])
def test_stages_and_simulation_have_short_help(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "-h"], text=True, capture_output=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.startswith(f"Usage: python -m {module} ")
