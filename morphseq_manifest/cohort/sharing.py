"""Setting up a clone for work by several people: git then merges by what stands in the files, with `merge-driver`.

Which files, .gitattributes says, which is committed; what merges them is in the configuration of each clone.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from morphseq_manifest.base import files, git
from morphseq_manifest.base.conflicts import DRIVER
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.own_folder import check_links
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.cohort.merging import PATTERNS
from morphseq_manifest.tracker.dvc import config, lock_reading

_NAME = "morphseq"
_ATTRIBUTES = Path(".gitattributes")
# Known by hashes: with other ends of lines, which git gives files if core.autocrlf is on, these are other files.
_HASHED = (str(lock_reading.LOCK), f"{places.FOLDER}/**", f"{places.METRICS}/**", "data/metadata/**")


def set_up(root: Path) -> list[str]:
    """Set up the clone that `root` is in; says what was done, a line each. What is so already stays.

    Raises ConfigError if `root` is not a DVC project under git, and as git.configure does.
    """
    _check(root)
    wanted = {f"merge.{_NAME}.name": "morphseq: merge entry by entry", DRIVER: _driver()}
    new = {name: value for name, value in wanted.items() if git.setting(root, name) != value}
    for name, value in new.items():
        git.configure(root, name, value)
    return [f"git {'now' if new else 'already'} merges by {shlex.join(_program())}", *_add_attributes(root)]


def _check(root: Path) -> None:
    where = root.resolve()
    if not (root / ".dvc").is_dir():
        raise ConfigError(f"{where}: not a DVC project. Run this in one; `dvc init` makes one")
    check_links(root)
    if config.read(root).no_scm:
        raise ConfigError(f"{where}: DVC's setting core.no_scm is true. Without git, nothing is merged")
    if git.run(root, "rev-parse", "--is-inside-work-tree") != b"true\n":
        raise ConfigError(f"{where}: not in a git repository. `git init` makes one")


def _program() -> list[str]:
    """The command in use, by its absolute path."""
    script = Path(sys.executable).with_name("morphseq")
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-P", "-m", "morphseq_manifest"]


def _driver() -> str:
    """What git is to call from any folder; if the program is gone, it merges as if nothing had been set up."""
    first, *others = (shlex.quote(word).replace("%", "%%") for word in _program())
    entries = " ".join([first, *others, "merge-driver -- %O %A %B %P %L"])
    lines = "git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B"
    return f"if test -x {first}; then {entries}; else {lines}; fi"


def _add_attributes(root: Path) -> list[str]:
    """Name the files in .gitattributes, unless it does, or gives them to another driver; and those git is to leave."""
    found = _attributes(root, "merge", PATTERNS)
    other = {pattern: said for pattern, said in found.items() if said not in {_NAME, ""}}
    others = [f"{pattern}: .gitattributes says merge={said}; left so" for pattern, said in other.items()]
    missing = [f"/{pattern} merge={_NAME}\n" for pattern, said in found.items() if not said]
    missing += [
        f"/{pattern} -text\n" for pattern, said in _attributes(root, "text", _HASHED).items() if said != "unset"
    ]
    if not missing:
        return others
    path = root / _ATTRIBUTES
    if path.is_symlink():
        raise ConfigError(f"{path}: a link, which git does not follow. Make it a file")
    text = files.read_text(path, "Restore its permissions", "Save it as UTF-8") if path.exists() else ""
    text += "\n" if text and not text.endswith("\n") else ""
    with files.replacing(path, follow=False) as temporary:
        temporary.write_bytes("".join([text, *missing]).encode())
    return [*others, f"{_ATTRIBUTES} now names the files: commit it"]


def _attributes(root: Path, name: str, patterns: Sequence[str]) -> dict[str, str]:
    """What is said of an attribute, by pattern; nothing if none is said."""
    output = git.run(root, "check-attr", "-z", name, "--", *patterns) or b""
    values = output.decode(errors="surrogateescape").split("\0")[2::3]
    return {p: "" if value == "unspecified" else value for p, value in zip(patterns, values, strict=True)}
