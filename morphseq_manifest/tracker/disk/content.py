"""What was found at a path: its hashes, nothing, or why it can't be determined."""

import msgspec

from morphseq_manifest.base.reading import Known


class Content(msgspec.Struct, frozen=True, gc=False):
    """A file or folder as DVC counts it: its md5 (ending in `.dir` for a folder), bytes, and files if it is a folder.

    Without an md5 there is nothing at the path, or `trouble` says why it can't be determined.
    """

    md5: str | None = None
    size: int = 0
    nfiles: int | None = None
    trouble: str | None = None

    @property
    def is_absent(self) -> bool:
        """Whether there is nothing at the path."""
        return self.md5 is None and self.trouble is None


ABSENT = Content()


def of_file(known: Known) -> Content:
    """The content of a file that has been read."""
    return Content(known.md5, known.size)
