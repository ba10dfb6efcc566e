"""What .dvcignore leaves out, by DVC's rules: those of .gitignore."""

import io
import os
import re
import warnings
from collections.abc import Iterable
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from morphseq_manifest.base import files, memo
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.dvc.stages import is_outside

IGNORE = ".dvcignore"
# DVC's own, which come first.
_ALWAYS = (".hg/", ".git/", ".git", ".dvc/")


class _Rule(NamedTuple):
    """A rule as it is written, and as a pattern; whether it leaves out or takes back, and whether only folders."""

    line: str
    pattern: re.Pattern[str]
    leaves_out: bool
    only_folders: bool


class _Pattern(NamedTuple):
    """A rule as it is written and as a regular expression, and whether it leaves out or takes back."""

    line: str
    pattern: str
    leaves_out: bool


class _Inside(NamedTuple):
    """What holds for the paths in a folder: whether it is left out itself; and the rules, the last one first."""

    is_out: bool
    rules: list[_Rule]


class Ignore:
    """The rules at the top of the project in `root`; if `nested`, also those in its folders, where DVC looks too.

    `text` tells the rules at the top apart from others. Raises UnreadableError; ConfigError if rules can't be used.
    """

    def __init__(self, root: Path, *, nested: bool = False) -> None:
        self._root, self._nested = root, nested
        self.text = _read(root / IGNORE)
        self._inside: dict[str, _Inside] = {}

    def leaves_out(self, path: str, is_folder: bool = False) -> bool:
        """Whether DVC takes no notice of a path from the project's folder, or of a folder that it is in."""
        if is_outside(path):
            return False
        inside = self._known_inside(path.rpartition("/")[0])
        return inside.is_out or _match(inside.rules, path, is_folder) or (is_folder and self._is_project(path))

    def _known_inside(self, folder: str) -> _Inside:
        if folder not in self._inside:
            self._inside[folder] = self._find_inside(folder)
        return self._inside[folder]

    def _find_inside(self, folder: str) -> _Inside:
        if not folder:
            return _Inside(False, self._top)
        above = self._known_inside(folder.rpartition("/")[0])
        path = f"{folder}/{IGNORE}"
        if above.is_out or _match(above.rules, folder, True) or self._is_project(folder):
            return _Inside(True, above.rules)
        if not self._nested or _match(above.rules, path, False):
            return _Inside(False, above.rules)
        lines = _lines(_read(self._root / path), self._root / path)
        here = _rules(lines, self._root / path) if lines else []  # to load what reads them takes long
        moved = _rules([_moved(rule.line, folder) for rule in here], self._root / path) if here else []
        rules = [*moved[::-1], *above.rules]
        # As DVC has it, `**/` in a folder leaves out the folder itself.
        return _Inside(_match(rules, folder, True), rules)

    @cached_property
    def _top(self) -> list[_Rule]:
        path = self._root / IGNORE
        lines = [*_ALWAYS, *_lines(self.text, path)]
        # To load pathspec takes longer than all else that a look at a small project does.
        sources = [_pathspec(), "\n".join(lines).encode()]
        kept = memo.recall(self._root, "ignore", sources, list[_Pattern], lambda: _patterns(lines, path))
        return _compiled(kept, path)[::-1]

    def _is_project(self, folder: str) -> bool:
        """Whether there is a DVC project of its own in a folder; told where folders are looked into."""
        return self._nested and os.path.exists(f"{self._root}/{folder}/.dvc")  # noqa: PTH110


def _read(path: Path) -> bytes:
    """The bytes of a file with rules; none if there is no file."""
    try:
        return read_small(path)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise files.unreadable(path, error, "Restore its permissions") from error


def _lines(text: bytes, path: Path) -> list[str]:
    """The rules in the text of a file, as they are written there."""
    try:
        lines = [line.strip() for line in io.StringIO(text.decode(), newline=None)]
    except UnicodeDecodeError as error:
        raise _unusable(path, error) from error
    return [line for line in lines if line and not line.startswith("#")]


def _moved(line: str, folder: str) -> str:
    """A rule for what is in a folder, as it is written at the top of the project; as DVC does it."""
    back = "!" * line.startswith("!")
    line = line.removeprefix("!")
    anywhere = "/" not in line[:-1] or line.startswith("**/")
    line = line.removeprefix("**/" if anywhere else "/").removeprefix("\\")
    return f"{back}/{folder}/{'**/' * anywhere}{line}"


def _rules(lines: Iterable[str], path: Path) -> list[_Rule]:
    return _compiled(_patterns(lines, path), path)


def _patterns(lines: Iterable[str], path: Path) -> list[_Pattern]:
    """The rules as regular expressions; a line that is none is passed over. Raises ConfigError for one of no sense."""
    try:
        from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern as GitPattern
    except ImportError:  # before pathspec 1, which releases of DVC before 3.67 can't be used with
        from pathspec.patterns.gitwildmatch import GitWildMatchPattern as GitPattern

    patterns = []
    try:
        for line in lines:
            pattern, leaves_out = GitPattern.pattern_to_regex(line)
            if pattern is not None and leaves_out is not None:
                patterns.append(_Pattern(line, str(pattern), leaves_out))
    except ValueError as error:  # of pathspec's own kind
        raise _unusable(path, error) from error
    return patterns


def _compiled(patterns: list[_Pattern], path: Path) -> list[_Rule]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of brackets that a later Python will read otherwise
            return [
                _Rule(line, re.compile(pattern), leaves_out, line.endswith("/"))
                for line, pattern, leaves_out in patterns
            ]
    except re.error as error:
        raise _unusable(path, error) from error


def _pathspec() -> bytes:
    """Which pathspec is installed, without loading it: what another one made of the rules is not relied on."""
    found = find_spec("pathspec")
    assert found is not None, "a dependency"
    assert found.origin is not None, "a package of files"
    return f"{found.origin}\0{os.stat(found.origin).st_mtime_ns}".encode()  # noqa: PTH116 - the quickest way


def _unusable(path: Path, error: Exception) -> ConfigError:
    return ConfigError(f"{path}: can't be used: {error}. Correct it")


def _match(rules: list[_Rule], path: str, is_folder: bool) -> bool:
    """Whether the rules leave a path out; the first that matches decides."""
    for _, pattern, leaves_out, only_folders in rules:
        if only_folders and not is_folder:
            continue
        if pattern.match(path) or (is_folder and pattern.match(f"{path}/")):
            return leaves_out
    return False
