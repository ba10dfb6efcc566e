"""Journals: what an unfinished run has done so far, a line a record, written as it happens.

A line holds its own hash, so that one cut short by a killed process, or damaged since, is as if it were not there.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.kinds import known
from morphseq_manifest.base.small_files import read_small

Record = TypeVar("Record", bound=msgspec.Struct)


class Journal(Generic[Record]):
    """The records of one file, in the order in which they were added, until it is closed; nobody else can have it open.

    Raises ConfigError if another process has it open.
    """

    def __init__(self, path: Path, kind: type[Record]) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise ConfigError(
                f"{path}: another process is at work on the same outputs. Wait until it is done, then run this again"
            ) from None
        except OSError:
            pass  # a file system without locks: whoever runs things there takes care
        self._file.seek(0)
        lines = self._file.read().split(b"\n")
        self.records = [record for line in lines if (record := parse_line(line, kind)) is not None]
        if lines[-1]:
            self._append(b"\n")

    def add(self, record: Record) -> None:
        """Add a record; it is on the disk when this returns."""
        self._append(as_line(record))
        self.records.append(record)

    def _append(self, data: bytes) -> None:
        try:
            while data:  # a disk that is about to be full takes a part
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            error.filename = str(self.path)
            raise

    def shrink(self, records: Sequence[Record]) -> None:
        """Drop all but these records of it."""
        if len(records) < len(self.records):
            files.write_bytes(self.path, b"".join(map(as_line, records)))
            self.records = list(records)

    def remove(self) -> None:
        """Remove the file: the run is finished."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let others have it; what it holds stays."""
        self._file.close()


def peek(path: Path, kind: type[Record]) -> list[Record]:
    """The whole records of a journal that may be in use; none if there is no such file, or it can't be read."""
    try:
        lines = read_small(path).split(b"\n")
    except OSError:
        return []
    return [record for line in lines if (record := parse_line(line, kind)) is not None]


def as_line(record: msgspec.Struct) -> bytes:
    """The line of a record, with the line's end."""
    data = msgspec.json.encode(record)
    return b"%s %s\n" % (hash_bytes(data).encode(), data)


def parse_line(line: bytes, kind: type[Record]) -> Record | None:
    """The record of a line without its end; None if it is damaged, or of another release."""
    digest, _, data = line.partition(b" ")
    if digest != hash_bytes(data).encode():
        return None
    try:
        return msgspec.json.decode(data, type=known(kind))
    except msgspec.DecodeError:
        return None
