"""The pages that say what to do: every command of theirs runs, one after another, in a project in which all has run."""

import re
import shlex

from tests.project import REPOSITORY, Project

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """The commands of a page, in order, each by its words."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    lines = [line for block in _BLOCK.findall(text) for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines)
    return [shlex.split(line[2:]) for line in lines]


def follow(page: str, project: Project) -> None:
    """Type the commands of a page; where one goes to another folder, those after it are typed there."""
    for first, *words in commands(page):
        if first == "cd":
            project = Project((project.root / words[0]).resolve())
        else:
            project.run(first, *words)


def test_sharing(project: Project) -> None:
    assert len(commands("sharing.md")) > 20
    follow("sharing.md", project)
