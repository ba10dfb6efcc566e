"""The project's folder, found from any folder in it, as DVC finds it.

Imported by every command before click is: nothing here may start slowly.
"""

import os

_MARK = ".dvc"


def find(start: str) -> str:
    """The nearest folder with a `.dvc` folder in it: `start`, or one that it is in; `start` if there is none.

    The search ends at a mount point, as DVC's does.
    """
    folder = start
    while not os.path.isdir(os.path.join(folder, _MARK)):  # noqa: PTH112, PTH118 - pathlib is not imported yet
        if not os.path.isdir(folder) or os.path.ismount(folder):  # noqa: PTH112
            return start
        folder = ".." if folder == "." else os.path.join(folder, "..")  # noqa: PTH118
    return folder


def folder_in(root: str) -> str:
    """The current folder, from the project's; empty at its top and outside of it."""
    top, here = os.path.realpath(root), os.path.realpath(".")
    return os.path.relpath(here, top) if here.startswith(f"{top.rstrip(os.sep)}{os.sep}") else ""
