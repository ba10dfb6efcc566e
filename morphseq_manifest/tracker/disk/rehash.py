"""Hashing files again, and comparing what they hold with what was recorded of them."""

import errno
import hashlib
import os
from collections.abc import Iterable, Sequence

import msgspec
import xxhash

from morphseq_manifest.base.reading import CalledOffError, OtherSizeError, Stat, feed
from morphseq_manifest.base.small_files import NotAFileError
from morphseq_manifest.tracker.disk.wrong import Wrong
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from morphseq_manifest.tracker.dvc.stages import place


class Job(msgspec.Struct, frozen=True, gc=False):
    """What is recorded of one file, or of one folder as a whole.

    `path` from the project's folder; `size` in bytes, where known; `digest`: an xxh3_128 or, where `md5` is set, the
    md5 as dvc.lock has it. For a folder (an md5 ending in `.dir`), `files` are those to count in it, by their paths
    in it. `others` are digests that will do as well.
    """

    path: str
    size: int | None
    digest: str
    md5: bool = False
    files: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether it is about a folder as a whole."""
        return self.md5 and self.digest.endswith(".dir")

    @property
    def count(self) -> int:
        """How many files it is about."""
        return len(self.files) if self.is_folder else 1

    def paths(self, root: str) -> list[str]:
        """Where those files are."""
        at = place(root, self.path)
        return [f"{at}/{name}" for name in self.files] if self.is_folder else [at]


class Failure(msgspec.Struct, frozen=True):
    """A file that is not as recorded: where (from the project's folder), what is wrong, what was expected and found.

    `what` is damaged, missing or unreadable. A folder that is damaged as a whole stands here with its own path.
    """

    job: Job
    path: str
    what: Wrong
    expected: str
    found: str


class Batch(msgspec.Struct, frozen=True):
    """What became of some jobs: their files and size in bytes, proofs of what is as recorded, and what is not."""

    files: int
    size: int
    proofs: list[bytes]
    failures: list[Failure]


class OtherError(Exception):
    """What was found is not what is recorded. Arguments: expected, found."""


def proof(job: Job, stats: Iterable[Stat]) -> bytes:
    """16 bytes that stand for: files with this path, and stats like these, had the content that `job` asks for."""
    text = f"{job.path}\0{job.digest}"
    for size, mtime_ns, ctime_ns, inode in stats:
        text += f"\0{size}\0{mtime_ns}\0{ctime_ns}\0{inode}"
    return xxhash.xxh3_128_digest(text.encode(errors="surrogateescape"))


class Worker:
    """What hashes under the folder `root`, on any number of threads and processes.

    It stops soon after the first byte of `stop` is set. There is no proof for a file whose inode changed after
    `settled_ns` (ns since 1970): within a tick of the clock it could change again without its stat telling.
    """

    def __init__(self, root: str, settled_ns: int) -> None:
        self.root, self.settled_ns, self.stop = root, settled_ns, bytearray(1)

    def run(self, jobs: Sequence[Job]) -> Batch:
        """Hash a batch, or as much of it as there is time for."""
        size = files = 0
        proofs: list[bytes] = []
        failures: list[Failure] = []
        for job in jobs:
            is_folder = job.is_folder
            try:
                digest, stats, changed_ns = self._folder(job) if is_folder else self._file(job)
                if digest != job.digest and digest not in job.others:
                    raise OtherError(job.digest, digest)
                if changed_ns < self.settled_ns:
                    proofs.append(proof(job, stats))
            except CalledOffError:
                break
            except (OSError, OtherError, OtherSizeError) as error:
                failures.append(self._failure(job, error))
            files += len(job.files) if is_folder else 1
            size += job.size or 0
        return Batch(files, size, proofs, failures)

    def _file(self, job: Job) -> tuple[str, Sequence[Stat], int]:
        """A file's digest, its stat, and when its inode last changed."""
        state = hashlib.md5(usedforsecurity=False) if job.md5 else xxhash.xxh3_128()
        stat = feed(place(self.root, job.path), (state,), size=job.size, stop=self.stop)
        return state.hexdigest(), (stat,), stat.ctime_ns

    def _folder(self, job: Job) -> tuple[str, Sequence[Stat], int]:
        """The same of a folder as a whole, with the stats of all its files."""
        md5s, stats = {}, []
        for name, path in zip(job.files, job.paths(self.root), strict=True):
            state = hashlib.md5(usedforsecurity=False)
            stats.append(feed(path, (state,), stop=self.stop))
            md5s[name] = state.hexdigest()
        return folder_md5(md5s), stats, max((stat.ctime_ns for stat in stats), default=0)

    def _failure(self, job: Job, error: OSError | OtherError | OtherSizeError) -> Failure:
        if isinstance(error, NotAFileError):
            error = OtherError("a file", "a folder" if error.errno == errno.EISDIR else "no file")
        if isinstance(error, OtherSizeError):
            error = OtherError(*(f"{size} bytes" for size in error.args))
        if isinstance(error, OtherError):
            return Failure(job, job.path, Wrong.DAMAGED, *error.args)
        path = os.path.relpath(error.filename, self.root) if error.filename else job.path
        expected = job.digest if path == job.path else "a file"
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return Failure(job, path, Wrong.MISSING, expected, "nothing")
        return Failure(job, path, Wrong.UNREADABLE, expected, error.strerror or str(error))
