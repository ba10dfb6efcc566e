"""Which Python stages are run with, and what is installed in it: found alike here and on a node.

As all that runs on a node, this imports nothing but the standard library: a job begins in a few hundredths of a second.
"""

import os
import shutil
import subprocess
import sys
from typing import Any

_MOST_NAMED = 3
_NAMES = ("site-packages", "dist-packages")


def found() -> dict[str, Any]:
    """The `python` on the path: where it is, its version, and the releases installed beside it; nothing without one."""
    python = shutil.which("python")
    return {"python": python, "version": _version(python), "packages": _packages(python)} if python else {}


def difference(wanted: dict[str, Any], here: dict[str, Any]) -> str | None:
    """What is another here than where the run was begun, in words; None if nothing is."""
    if not wanted or wanted == here:
        return None
    if not here:
        return f"there is no python on the path, where the run has {wanted['python']}"
    if wanted["version"] != here["version"]:
        return f"{here['python']} is Python {here['version']}, where the run has {wanted['version']}"
    lacking = sorted({*wanted["packages"]} - {*here["packages"]})
    if lacking:
        more = f" and {len(lacking) - _MOST_NAMED} more" if len(lacking) > _MOST_NAMED else ""
        return f"{here['python']} lacks {', '.join(lacking[:_MOST_NAMED])}{more}, which the run has"
    return None


def _version(python: str) -> str:
    if os.path.realpath(python) == os.path.realpath(sys.executable):
        return sys.version.split()[0]
    words = [python, "-S", "-E", "-c", "import sys; print(sys.version.split()[0])"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    return ended.stdout.strip() or "unknown"


def _packages(python: str) -> list[str]:
    """The releases that are installed for a Python, as `name-version`."""
    library = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(python))), "lib")  # noqa: PTH100, PTH118, PTH120
    listed: list[str] = []
    for version in _names(library):
        for name in _NAMES if version.startswith("python") else ():
            inside = _names(f"{library}/{version}/{name}")
            listed += [entry.removesuffix(".dist-info") for entry in inside if entry.endswith(".dist-info")]
    return sorted(listed)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []
