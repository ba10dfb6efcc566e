"""How far an interrupted check came: a proof for each file that was as recorded, 16 bytes each, in a disposable file.

A proof holds only for the same expected content and the same stat. It says nothing of what happens to a disk while
nobody writes to it, so it is good for some days only.
"""

import os
import struct
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from morphseq_manifest.base import files
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.reading import stat_of
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.tracker.disk.rehash import Job, proof

_HEADER = struct.Struct("<24sd")
_MAGIC = b"morphseq/verify/1"
_PROOF = 16
_GOOD_FOR_S = 7 * 24 * 3600


class Progress:
    """The proofs of one selection's check; `began` is when it was begun, in seconds since 1970."""

    def __init__(self, root: Path, selection: str, restart: bool = False) -> None:
        self.root = str(root)
        self.path = root / files.OWN / f"verify.{hash_bytes(selection.encode())[:16]}"
        self.began, self.proofs = (time.time(), set[bytes]()) if restart else self._read()
        self._file: BinaryIO | None = self._open()

    @property
    def is_kept(self) -> bool:
        """Whether it could be written down."""
        return self._file is not None

    def has(self, job: Job) -> bool:
        """Whether the job's files were as recorded, and have not been touched since."""
        if not self.proofs:
            return False
        try:
            stats = [stat_of(os.stat(path)) for path in job.paths(self.root)]  # noqa: PTH116 - path objects are slow
        except OSError:
            return False
        return proof(job, stats) in self.proofs

    def add(self, proofs: Iterable[bytes]) -> None:
        """Write proofs down, as long as that can be done: the check itself does without."""
        if not self._file:
            return
        data = b"".join(proofs)
        try:
            written = self._file.write(data)
        except OSError:
            written = None
        if written != len(data):  # what came after half a proof could not be told apart
            self._file.close()
            self._file = None

    def close(self, finished: bool) -> None:
        """Keep what is written for the next run or, if the check came to its end, forget it."""
        if self._file:
            self._file.close()
        if finished:
            with suppress(OSError):
                self.path.unlink()

    def _read(self) -> tuple[float, set[bytes]]:
        """When it began, and the proofs; nothing from a file that is damaged, too old, or from another version."""
        try:
            data = read_small(self.path)
            magic, began = _HEADER.unpack_from(data)
        except (OSError, struct.error):
            return time.time(), set()
        if magic.rstrip(b"\0") != _MAGIC or not 0 <= time.time() - began < _GOOD_FOR_S:
            return time.time(), set()
        whole = len(data) - (len(data) - _HEADER.size) % _PROOF
        return began, {data[at : at + _PROOF] for at in range(_HEADER.size, whole, _PROOF)}

    def _open(self) -> BinaryIO | None:
        """The file, with what was proved so far, to append to without a buffer; None if nothing can be written."""
        try:
            files.write_bytes(self.path, _HEADER.pack(_MAGIC, self.began) + b"".join(self.proofs))
            return self.path.open("ab", buffering=0)
        except OSError:
            return None
