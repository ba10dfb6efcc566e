"""What was found at a path: its hashes, nothing, or why it can't be determined."""

import msgspec

from morphseq_manifest.base.reading import Known
from morphseq_manifest.tracker.disk.stat_cache import KnownFolder


class Content(msgspec.Struct, frozen=True, gc=False):
    """A file or folder as DVC counts it: its md5 (ending in `.dir` for a folder), bytes, and files if it is a folder.

    Without an md5 there is nothing at the path, or `trouble` says why it can't be determined. `apart` is the md5 of a
    folder without what Python has compiled in it, if there is such a thing.
    """

    md5: str | None = None
    size: int = 0
    nfiles: int | None = None
    trouble: str | None = None
    apart: str | None = None

    @property
    def is_absent(self) -> bool:
        """Whether there is nothing at the path."""
        return self.md5 is None and self.trouble is None

    def is_given_as(self, other: "Content") -> bool:
        """Whether it is the same but for what Python compiles of modules in a folder when it loads them."""
        return self.trouble is None and (self.apart or self.md5) == (other.apart or other.md5)


ABSENT = Content()


def of_folder(known: KnownFolder) -> Content:
    """The content of a folder that has been looked at."""
    return Content(known.md5, known.size, known.nfiles, apart=known.apart)


def of_file(known: Known) -> Content:
    """The content of a file that has been read."""
    return Content(known.md5, known.size)
