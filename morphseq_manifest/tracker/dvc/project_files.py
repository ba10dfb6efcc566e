"""The files of DVC's in a project: its pipelines, also those in folders, and `.dvc` files, which track data."""

import os
from collections.abc import Iterator
from pathlib import Path

from morphseq_manifest.base import git, sources
from morphseq_manifest.tracker.dvc.definition import PIPELINE
from morphseq_manifest.tracker.dvc.ignoring import Ignore

_DATA = ".dvc"


def others(root: Path, scm: bool) -> list[str]:
    """All but the dvc.yaml at the top, in order; DVC takes none that git or .dvcignore leaves out."""
    found = (_in_git(root) if scm else None) or _in_folders(root)
    paths = {path for path in found if _is_of_dvc(path.rpartition("/")[2]) and path != PIPELINE.name}
    if not paths:
        return []
    ignore = Ignore(root, nested=True)
    sources.add_all(f"{root}/{path}" for path in paths)
    return [path for path in sorted(paths) if not ignore.leaves_out(path) and (root / path).is_file()]


def is_data(path: str) -> bool:
    """Whether a file of DVC's is one that tracks data."""
    return path.endswith(_DATA)


def _is_of_dvc(name: str) -> bool:
    return name == PIPELINE.name or (name.endswith(_DATA) and name != _DATA)


def _in_git(root: Path) -> list[str] | None:
    """Those that git knows or does not ignore; None if there is no repository."""
    asked = ("ls-files", "-z", "-co", "--exclude-standard", "--", f"*{_DATA}", PIPELINE.name, f"**/{PIPELINE.name}")
    listed = git.run(root, *asked)
    return None if listed is None else listed.decode(errors="surrogateescape").split("\0")


def _in_folders(root: Path) -> Iterator[str]:
    ignore = Ignore(root, nested=True)
    for folder, folders, names in os.walk(root):
        sources.add(folder)
        inside = os.path.relpath(folder, root).removeprefix(".").removeprefix("/")
        at = f"{inside}/" if inside else ""
        folders[:] = [name for name in folders if not ignore.leaves_out(f"{at}{name}", True)]
        yield from (f"{at}{name}" for name in names)
