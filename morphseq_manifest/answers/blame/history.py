"""The history of a file in git: which commit gave something in it the value that it has."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from morphseq_manifest.answers.blame.readings import Reading, Values
from morphseq_manifest.base.errors import ConfigError, ContentError
from morphseq_manifest.base.git_history import Version
from morphseq_manifest.base.hashing import md5_bytes

# What is in the working tree, as if it were a commit after the last one.
WORKING = ""
Pick = Callable[[Values], Any]


class FileHistory:
    """One file in the `versions` of several, of which the first is the present one; how it is read, and how a blob is.

    A version that can't be read says what the one before it says.
    """

    def __init__(self, path: str, versions: Sequence[Version], read: Callable[[str], bytes], reading: Reading) -> None:
        self._read, self._reading = read, reading
        self._blobs: dict[str, str | None] = {version.commit: version.blobs.get(path) for version in versions}
        self._parents = {version.commit: version.parents for version in versions}
        self._first = self._firsts(versions)
        self._values: dict[str | None, Values | None] = {None: {}}
        self._md5s: dict[str, str] = {}

    def _firsts(self, versions: Sequence[Version]) -> dict[str, str]:
        """By commit, the earliest one since which the file has been the same."""
        firsts: dict[str, str] = {}
        for version in reversed(versions):
            blob = self._blobs[version.commit]
            same = (firsts[parent] for parent in version.parents if self._blobs[parent] == blob)
            firsts[version.commit] = next(same, version.commit)
        return firsts

    @property
    def is_known(self) -> bool:
        """Whether any version has the file."""
        return any(self._blobs.values())

    @property
    def is_present(self) -> bool:
        """Whether the present version has the file."""
        return next(iter(self._blobs.values()), None) is not None

    def now(self) -> Values:
        """What the present version says."""
        return self._of(next(iter(self._blobs.values()), None)) or {}

    def with_md5(self, md5: str) -> bytes | None:
        """The newest version of this content; None if there is none."""
        for blob in dict.fromkeys(self._blobs.values()):
            if blob is not None:
                if blob not in self._md5s:
                    self._md5s[blob] = md5_bytes(self._read(blob))
                if self._md5s[blob] == md5:
                    return self._read(blob)
        return None

    def origin(self, pick: Pick, value: Any) -> str | None:
        """The commit that last gave what is picked this value, WORKING if none did yet; None if no version has it.

        Of a merge, the side that had the value already is followed.
        """
        commit = next((name for name in self._blobs if self._is(name, pick, value)), None)
        while commit is not None:
            commit = self._first[commit]
            before = next((name for name in self._parents[commit] if self._is(name, pick, value)), None)
            if before is None:
                return commit
            commit = before
        return None

    def _is(self, commit: str, pick: Pick, value: Any) -> bool:
        return bool(pick(self._at(commit)) == value)

    def _at(self, commit: str) -> Values:
        values = self._of(self._blobs[commit])
        while values is None and (before := self._parents[commit]):
            commit = before[0]
            values = self._of(self._blobs[commit])
        return values or {}

    def _of(self, blob: str | None) -> Values | None:
        if blob not in self._values:
            self._values[blob] = self.of(self._read(str(blob)))
        return self._values[blob]

    def of(self, data: bytes) -> Values | None:
        """What these bytes say, if they were the file; None if they can't be read."""
        try:
            return self._reading(data)
        except (ContentError, ConfigError, ValueError):
            return None


def with_working_tree(versions: Sequence[Version], files: Mapping[str, str]) -> list[Version]:
    """The versions after which comes the working tree, whose files have these blobs."""
    return [Version(WORKING, [version.commit for version in versions[:1]], files), *versions]
