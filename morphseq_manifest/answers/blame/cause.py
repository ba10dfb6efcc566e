"""What is told of one thing that a row depends on."""

from typing import Any

import msgspec

# Why no commit is named.
NOT_COMMITTED, NOT_IN_GIT, NO_COMMIT = "not committed", "not in git", "no commit has this value"
FILE_BY_FILE = "in git file by file"
RUN_AGAIN = "has run again since"


class Later(msgspec.Struct, frozen=True):
    """A value that no run has used yet, and the commit that set it; None if it is not committed."""

    value: Any
    commit: str | None


class Cause(msgspec.Struct, frozen=True):
    """One thing that a row depends on, for some stages: what kind of thing, which one, its value as recorded.

    `commit` is the full id of the one that last changed it; if there is none, `unknown` says why. `later` is what
    stands there by now, and no run has used yet. `was` is the value at the earlier of two moments.
    """

    stages: list[str]
    kind: str
    name: str
    value: Any
    commit: str | None
    unknown: str = ""
    later: Later | None = None
    was: Any = None

    def commits(self) -> list[str]:
        """The full ids of the commits that it names."""
        named = (self.commit, self.later.commit if self.later else None)
        return [commit for commit in named if commit]
