"""The lower bounds of pyproject.toml as constraints for pip, a line each: `python -m tests.lowest > FILE`."""

import re
import tomllib
from collections.abc import Iterator

from tests.project import REPOSITORY

_BOUNDED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?>=([\w.]+)")


def requirements() -> list[str]:
    """What pyproject.toml asks for, with and without extras, but for the project's own name."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return [line for line in found if not line.startswith(project["name"])]


def constraints() -> Iterator[str]:
    """Each requirement at its lower bound."""
    for line in requirements():
        match = _BOUNDED.match(line)
        if match is None:
            raise SystemExit(f"pyproject.toml: {line} has no lower bound: write {line}>=RELEASE")
        yield f"{match[1]}=={match[2]}"


if __name__ == "__main__":
    print("\n".join(constraints()))
