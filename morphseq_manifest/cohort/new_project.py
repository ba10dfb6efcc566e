"""A data repository of its own: the project that the installation carries, in a new folder under git."""

import subprocess
from pathlib import Path

from morphseq_manifest.base import files, git_call
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort import template
from morphseq_manifest.cohort.manifests import places, project_manifest


def make(root: Path) -> list[str]:
    """Write the project into a folder that is new or empty, and commit it. Returns what was done, a line each.

    Raises ConfigError if there is something in the folder, but for git's own.
    """
    there = _names(root)
    if others := [name for name in there if name != ".git"]:
        raise ConfigError(
            f"{root}: not empty: {others[0]!r} is in it. Name a new folder; `morphseq init` alone sets up a clone, "
            "and `morphseq upgrade` brings a data repository to the installed release"
        )
    contents = template.contents()
    root.mkdir(parents=True, exist_ok=True)
    for path, data in contents.items():
        files.write_bytes(root / path, data)
    project_manifest.write(root, project_manifest.of(template.version(), contents))
    done = [f"made: {root}, with {len(contents) + 1} files of release {template.version()}"]
    if ".git" not in there:
        _git(root, "init", "--quiet", "--initial-branch=main")
    # By name: of what a person has git ignore everywhere, `*.json` for one, nothing may be left out here.
    _git(root, "add", "--force", "--", *map(str, contents), str(places.PROJECT))
    return [*done, _commit(root)]


def _names(root: Path) -> list[str]:
    if root.is_symlink() or (root.exists() and not root.is_dir()):
        raise ConfigError(f"{root}: not a folder. Name a new one")
    return sorted(path.name for path in root.iterdir()) if root.is_dir() else []


def _commit(root: Path) -> str:
    """Commit what was made, since an upgrade merges by it. Somebody whom git does not know yet does it themselves."""
    try:
        _git(root, "commit", "--quiet", "--message", f"The project of MorphSeq Manifest {template.version()}")
    except ConfigError as error:
        return f"not committed: {error}. Commit it before you edit anything, as `morphseq upgrade` merges by it"
    return "committed"


def _git(root: Path, *words: str) -> None:
    try:
        done = subprocess.run(["git", *words], cwd=root, env=git_call.surroundings(), capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ConfigError(f"{root}: the files are there, git is not. Install it, then `git init`") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="backslashreplace").split())
        raise ConfigError(f"{root}: `git {words[0]}` says: {said}")
