"""The names of the files in a folder, where their stats do not matter."""

import os
from pathlib import Path

from morphseq_manifest.base import files


def names(folder: Path) -> list[str]:
    """The files in a folder as DVC counts them, by their paths in it, in any order.

    Not those that a killed process left. The caller applies the rules of what to ignore. Raises OSError if a folder
    can't be listed.
    """
    listed: list[str] = []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                if not _is_folder(entry):
                    listed.append(inside + entry.name)
                elif not entry.is_symlink():
                    waiting.append(f"{inside}{entry.name}/")
    return [name for name in listed if f"/{files.TEMPORARY}" not in f"/{name}"]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False
