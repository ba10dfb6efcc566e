"""A file of a crate by its size and hashes, and how all of a crate's files are listed with them."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import xxhash

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.reading import Hash

# As `sha256sum --check` reads it.
SUMS = "sha256sums.txt"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class Described(NamedTuple):
    """Bytes and hashes of a file: sha256 for whoever gets the crate, md5 as in dvc.lock, xxh3_128 as in manifests."""

    size: int
    sha256: str
    md5: str
    xxh3_128: str


class Hashing:
    """What takes a file's bytes and describes it."""

    def __init__(self) -> None:
        import hashlib  # slow to start with: it loads all of OpenSSL

        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self._xxh3, self._size = xxhash.xxh3_128(), 0

    def update(self, piece: bytes | memoryview, /) -> None:
        """Take the next piece."""
        self._size += len(piece)
        for state in self._states():
            state.update(piece)  # type: ignore[arg-type]

    def _states(self) -> Iterator[Hash]:
        yield from (self._sha256, self._md5, self._xxh3)

    def described(self) -> Described:
        """What the bytes so far are."""
        return Described(self._size, self._sha256.hexdigest(), self._md5.hexdigest(), self._xxh3.hexdigest())


def sums(files: Mapping[str, Described]) -> bytes:
    """The list of these files."""
    return "".join(f"{files[path].sha256}  {path}\n" for path in sorted(files)).encode()


def parse_sums(data: bytes) -> dict[str, str]:
    """The sha256 of each file that is listed. Raises ContentError for anything but what `sums` writes."""
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode(errors="surrogateescape").split("\n")[:-1], 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ContentError(f"{SUMS}, line {number}: not a sha256, two spaces and a path")
        found[match[2]] = match[1]
    written = "".join(f"{found[path]}  {path}\n" for path in sorted(found)).encode(errors="surrogateescape")
    if written != data or not data:
        raise ContentError(f"{SUMS}: not a list of files in their order, each once")
    return found
