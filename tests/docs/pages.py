"""The pages of docs/ that say what to type."""

import re
import shlex

from tests.project import REPOSITORY

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def text(page: str) -> str:
    return (REPOSITORY / "docs" / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[list[list[str]]]:
    """The commands of a page, block by block, in order, each by its words."""
    found = [re.findall(r"^\$ (.+)$", block, re.MULTILINE) for block in _BLOCK.findall(text(page))]
    return [[shlex.split(line) for line in lines] for lines in found]


def commands(page: str) -> list[list[str]]:
    """The commands of a page, in order, each by its words."""
    return [command for block in blocks(page) for command in block]
