"""What .dvcignore leaves out, by DVC's rules: those of .gitignore, for the file at the top of the project."""

import re
from functools import cached_property
from pathlib import Path

from morphseq_manifest.base.errors import ConfigError, UnreadableError

IGNORE = ".dvcignore"
# DVC's own, which come first.
_ALWAYS = (".hg/", ".git/", ".git", ".dvc/")


class Ignore:
    """The rules of a project. `text` tells them apart from others. Raises UnreadableError, ConfigError."""

    def __init__(self, root: Path) -> None:
        path = root / IGNORE
        try:
            self.text = path.read_bytes()
        except FileNotFoundError:
            self.text = b""
        except OSError as error:
            raise UnreadableError(f"{path}: can't be read ({error.strerror}). Restore its permissions") from error
        self._name = str(path)

    @cached_property
    def _rules(self) -> list[tuple[re.Pattern[str], bool, bool]]:
        """A pattern, whether it leaves out or takes back, and whether it is for folders alone; the last one first."""
        from pathspec.patterns.gitignore.base import GitIgnorePatternError
        from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

        rules = []
        try:
            lines = [line.strip() for line in self.text.decode().splitlines()]
            for line in (*_ALWAYS, *(line for line in lines if line and not line.startswith("#"))):
                pattern, leaves_out = GitIgnoreSpecPattern.pattern_to_regex(line)
                if pattern is not None and leaves_out is not None:
                    rules.append((re.compile(pattern), leaves_out, line.endswith("/")))
        except (UnicodeDecodeError, GitIgnorePatternError) as error:
            raise ConfigError(f"{self._name}: can't be used: {error}. Correct it") from error
        return rules[::-1]

    def leaves_out(self, path: str, is_folder: bool = False) -> bool:
        """Whether DVC takes no notice of a path from the project's folder, or of a folder that it is in."""
        parts = path.split("/")
        for count in range(1, len(parts)):
            if self._matches("/".join(parts[:count]), True):
                return True
        return self._matches(path, is_folder)

    def _matches(self, path: str, is_folder: bool) -> bool:
        for pattern, leaves_out, only_folders in self._rules:
            if only_folders and not is_folder:
                continue
            if pattern.match(path) or (is_folder and pattern.match(f"{path}/")):
                return leaves_out
        return False
