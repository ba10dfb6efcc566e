"""The project's own folder, `.dvc/tmp/morphseq`: nothing in it, or on the way to it, is ever a link of ours.

A project may come from anybody. A link that was committed there would have a command that only looks write elsewhere:
what is kept for the next time would replace the file that the link leads to.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError

# Beside it, full of links, is where jobs of a queueing system work.
PLACES = files.OWN.with_name(f"{files.OWN.name}-places")
# What a run writes beside it: DVC's own files, too.
_BESIDE = (".dvc/tmp/lock", ".dvc/tmp/rwlock", str(PLACES))


def check_links(root: Path) -> None:
    """Raise ConfigError for a link in our folder of the project in `root`, or one on the way that leads out of it."""
    inside = os.path.realpath(root)
    for folder in (".dvc", ".dvc/tmp", str(files.OWN)):
        path = root / folder
        if path.is_symlink() and not f"{os.path.realpath(path)}/".startswith(f"{inside}/"):
            _refuse(path, "it leads out of the project")
    for path in (*(root / name for name in _BESIDE), *_links(root / files.OWN)):
        if path.is_symlink():
            _refuse(path, "nothing here is ever a link")


def _links(folder: Path) -> Iterator[Path]:
    """The links in a folder, at any depth."""
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        yield Path(entry.path)
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # not there, or not to be listed: nothing can be written there either


def _refuse(path: Path, why: str) -> None:
    raise ConfigError(
        f"{path}: a link to {os.readlink(path)!r}; {why}, and it is not followed. "  # noqa: PTH115 - as it stands
        "Delete it, if you trust the project"
    )
