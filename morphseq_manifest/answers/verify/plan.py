"""What a check has to hash, and what shows already: from the records, the lists of files and the folders' names."""

import hashlib
import heapq
import math
from pathlib import Path

import msgspec

from morphseq_manifest.answers.verify.findings import Finding, missing, stale
from morphseq_manifest.answers.verify.folders import look
from morphseq_manifest.answers.verify.recorded import Record, Scope
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.tracker.disk.rehash import Job
from morphseq_manifest.tracker.dvc.ignoring import Ignore
from morphseq_manifest.tracker.dvc.lock_reading import LOCK, Lock

_IMAGES = f"{places.IMAGES}/"
_ALWAYS = f"{places.FOLDER}/"


class Plan(msgspec.Struct):
    """What is to be hashed, and what was found without hashing."""

    jobs: list[Job]
    findings: list[Finding]


def make_plan(root: Path, scope: Scope) -> Plan:
    """List what the chosen records ask for, each path once.

    Raises ContentError for a recorded manifest of no use; UnreadableError, ConfigError for rules of what to ignore.
    """
    made = Plan([], [old for record in scope.chosen if (old := stale(record))])
    images = _images_manifests(scope.lock)
    folders = []
    for record in scope.chosen:
        found = look(root, record, scope, images.get(record.path)) if record.is_folder else _single(root, record, scope)
        if isinstance(found, Job):
            made.jobs.append(found)
        elif isinstance(found, Finding):
            made.findings.append(found)
        else:
            folders.append((record.path, found))
    ignored = _ignored(root, [f"{path}/{name}" for path, folder in folders for name in folder.doubtful()])
    for path, folder in folders:
        inside = f"{path}/"
        listing = folder.listing({name.removeprefix(inside) for name in ignored if name.startswith(inside)})
        made.jobs += listing.jobs
        made.findings += listing.findings
    return made


def _single(root: Path, record: Record, scope: Scope) -> Job | Finding:
    try:
        (root / record.path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return missing(scope.cache, record)
    except OSError:
        pass  # hashing it says what is wrong
    size = None if record.others else record.content.size
    return Job(record.path, size, record.content.md5, md5=True, others=record.others)


def _images_manifests(lock: Lock) -> dict[str, str]:
    """The images manifest that lists each folder of frames: the stage that wrote it depends on the folder."""
    found = {}
    for name, entry in lock.items():
        for path in entry.outs:
            if path.startswith(_IMAGES):
                folders = [dep for dep, content in entry.deps.items() if content.md5.endswith(".dir")]
                if len(folders) != 1:
                    raise ContentError(
                        f"{LOCK}: stage {name} made {path} from {len(folders)} folders, expected one, of the frames. "
                        f"Restore it: `git checkout {LOCK}`"
                    )
                found[folders[0]] = path
    return found


def _ignored(root: Path, paths: list[str]) -> set[str]:
    """Those of `paths`, all of files, that DVC's rules leave out."""
    if not paths:
        return set()
    ignore = Ignore(root, nested=True)
    return {path for path in paths if ignore.leaves_out(path)}


def take_sample(jobs: list[Job], percent: float, seed: int) -> list[Job]:
    """A random part of the jobs, at least one, the same for the same seed; manifests are always in it."""

    def rank(job: Job) -> bytes:
        return hashlib.blake2b(f"{seed}\0{job.path}".encode(errors="surrogateescape"), digest_size=8).digest()

    chosen = heapq.nsmallest(math.ceil(len(jobs) * percent / 100), jobs, key=rank)
    paths = {job.path for job in chosen}
    return [job for job in jobs if job.path in paths or job.path.startswith(_ALWAYS)]
